/** Pushes, as a client of the server's API makes them and reads what became of them. */
import { setTimeout as wait } from 'node:timers/promises'
import { ask } from './api.ts'
import type { Child } from './processes.ts'
import type { Item } from './push-judge.ts'

export interface Export {
  readonly id: string
  readonly status: 'pending' | 'running' | 'succeeded' | 'partial' | 'failed'
  readonly endedAt: string | null
  readonly counts: Readonly<
    Record<'total' | 'pending' | 'accepted' | 'unchanged' | 'rejected' | 'skipped' | 'dead', number>
  >
}

type Server = Pick<Child, 'url'>

/** @param key makes a repeat the same export */
export function push(server: Server, exporter: string, body: object, key?: string): Promise<Export> {
  return ask(server, `/api/v1/push/${exporter}`, 'POST', {
    body: JSON.stringify(body),
    ...(key !== undefined && { headers: { 'idempotency-key': key } }),
  })
}

const lookMs = 5

/** Looked at closely. */
export async function endOfExport(server: Server, id: string): Promise<Export> {
  for (;;) {
    const told = await ask<Export>(server, `/api/v1/exports/${id}`)
    if (told.endedAt !== null) return told
    await wait(lookMs)
  }
}

interface ItemPage {
  readonly data: readonly Item[]
  /** Address of the next page. */
  readonly links: { readonly next: string | null }
}

export async function itemsOf(server: Server, id: string): Promise<readonly Item[]> {
  const items: Item[] = []
  let path: string | null = `/api/v1/exports/${id}/items?limit=1000`
  while (path !== null) {
    const { data, links }: ItemPage = await ask(server, path)
    items.push(...data)
    path = links.next === null ? null : links.next.replace(server.url, '')
  }
  return items
}
