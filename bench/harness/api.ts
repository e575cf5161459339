/** The server's API, as a client of its uses it. */
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import { apiKey, type Child } from './processes.ts'

const authorization = `Bearer ${apiKey}`

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>
  /** JSON. */
  readonly body?: string
}

/** @throws Error for every other answer than 2xx, with its words */
export async function ask<Answer>(
  { url }: Pick<Child, 'url'>,
  path: string,
  method: 'GET' | 'POST' = 'GET',
  { headers, body: sent }: Asked = {},
): Promise<Answer> {
  const { statusCode, body } = await request(url + path, {
    method,
    headers: { authorization, ...(sent !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(sent !== undefined && { body: sent }),
    headersTimeout: 600_000,
    bodyTimeout: 600_000,
  })
  const text = await body.text()
  if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${text.slice(0, 1000)}`)
  return JSON.parse(text) as Answer
}

/** What a fetch came to. */
export interface Receipt {
  readonly id: string
  readonly status: 'running' | 'succeeded' | 'partial' | 'failed'
  readonly received: number
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
  readonly excluded: number
  readonly unreadableCount: number
  readonly removed: number
  readonly pages: number
  readonly requests: number
  readonly errors?: readonly object[]
  readonly error: object | null
}

export function startFetch(server: Pick<Child, 'url'>): Promise<Receipt> {
  return ask(server, '/api/v1/sources/tc/fetch', 'POST')
}

const lookMs = 50

/** @throws Error unless it succeeds and its receipt adds up */
export async function endOf(server: Pick<Child, 'url'>, id: string): Promise<Receipt> {
  for (;;) {
    const receipt = await ask<Receipt>(server, `/api/v1/runs/${id}`)
    if (receipt.status !== 'running') return checked(receipt)
    await wait(lookMs)
  }
}

const lookCloselyMs = 5

/** Until so many records are stored. */
export async function untilReceived(server: Pick<Child, 'url'>, id: string, records: number): Promise<void> {
  while ((await ask<Receipt>(server, `/api/v1/runs/${id}`)).received < records) await wait(lookCloselyMs)
}

export function checked(receipt: Receipt): Receipt {
  const { status, received, stored, updated, unchanged, excluded, unreadableCount } = receipt
  if (status !== 'succeeded') throw new Error(`a fetch ${status}: ${JSON.stringify(receipt)}`)
  if (received === stored + updated + unchanged + excluded + unreadableCount) return receipt
  throw new Error(`a receipt does not add up: ${JSON.stringify(receipt)}`)
}

/** Throws unless each count is the expected one. */
export function expectCounts(receipt: Receipt, expected: Partial<Receipt>): void {
  for (const [name, count] of Object.entries(expected)) {
    if (receipt[name as keyof Receipt] !== count) {
      throw new Error(`${name} is not ${count} in ${JSON.stringify(receipt)}`)
    }
  }
}
