/** Clients of feeds and of TAXII, that take as little as possible of the machine. */
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, type Dispatcher, request } from 'undici'
import { apiKey, type Child } from './harness/processes.ts'

type Server = Pick<Child, 'url'>

/** The first answer of a big list takes its time. */
const patient = new Agent({ headersTimeout: 600_000, bodyTimeout: 600_000 })
const taxiiType = 'application/taxii+json;version=2.1'

/** As any client does that is told to come back: what it waits is in what is measured. */
const mostTries = 5

async function asked(
  { url }: Server,
  path: string,
  accept: string,
  tries = 1,
): Promise<Dispatcher.ResponseData> {
  const headers = { authorization: `Bearer ${apiKey}`, accept }
  const answer = await request(url + path, { headers, dispatcher: patient })
  if (answer.statusCode === 200) return answer
  if (answer.statusCode === 503 && tries < mostTries) {
    await answer.body.dump()
    await wait(1000)
    return asked({ url }, path, accept, tries + 1)
  }
  throw new Error(`${path} answered ${answer.statusCode}: ${(await answer.body.text()).slice(0, 1000)}`)
}

/** Each throws for every answer but 200. */
export function client(server: Server) {
  return {
    async get(path: string): Promise<{ readonly body: Buffer; readonly headers: IncomingHttpHeaders }> {
      const { headers, body } = await asked(server, path, '*/*')
      return { headers, body: Buffer.from(await body.arrayBuffer()) }
    },
    /** Reads it and keeps nothing. */
    async drop(path: string): Promise<void> {
      const { body } = await asked(server, path, '*/*')
      for await (const _ of body) {
        // Nothing is kept.
      }
    },
  }
}

export interface TaxiiPage {
  /** Its address, without the server's. */
  readonly path: string
  readonly objects: readonly object[]
  readonly bytes: number
  /** Of the next page; absent: it is the last. */
  readonly next?: string
}

export async function taxiiPage(server: Server, path: string): Promise<TaxiiPage> {
  const { body } = await asked(server, path, taxiiType)
  const bytes = Buffer.from(await body.arrayBuffer())
  const {
    more,
    next,
    objects = [],
  } = JSON.parse(bytes.toString()) as {
    readonly more?: boolean
    readonly next?: string
    readonly objects?: readonly object[]
  }
  return { path, objects, bytes: bytes.length, ...(more && next !== undefined && { next }) }
}

/** Every page of a collection. */
export async function drain(server: Server, path: string): Promise<TaxiiPage[]> {
  const pages: TaxiiPage[] = []
  for (let next: string | undefined = ''; next !== undefined; ) {
    const page: TaxiiPage = await taxiiPage(server, next === '' ? path : `${path}&next=${next}`)
    pages.push(page)
    next = page.next
  }
  return pages
}

/** The same, and nothing is kept but where it goes on. @returns pages */
export async function read(server: Server, path: string): Promise<number> {
  let pages = 0
  for (let next: string | undefined = ''; next !== undefined; pages++) {
    const { body } = await asked(server, next === '' ? path : `${path}&next=${next}`, taxiiType)
    const head = Buffer.from(await body.arrayBuffer()).toString('latin1', 0, 2000)
    next = /^\{"more":true,"next":"([^"]+)"/.exec(head)?.[1]
  }
  return pages
}
