/** The envelopes of the v3 API. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import type { PageRequest, Parameters, Target } from './parameters.ts'

const json = { 'content-type': 'application/json;charset=UTF-8' }

export interface Page {
  /** The elements, rendered. */
  readonly data: readonly Buffer[]
  readonly more: boolean
  readonly count: number | undefined
}

export interface LinkOptions {
  /** Where `next` and `prev` point: a host name (by https), or an origin; default the address that was called. */
  readonly nextHost?: string
  /** `raw` leaves quotes and blanks of the links unencoded; their form is not documented. Default `encoded`. */
  readonly nextEncoding?: 'encoded' | 'raw'
}

export function listAnswer(
  request: RecordedRequest,
  target: Target,
  asked: PageRequest,
  page: Page,
  options: LinkOptions,
): Answer {
  const { start, limit } = asked
  const link = (to: number): string => JSON.stringify(pageLink(request, target, to, limit, options))
  const next = page.more ? `"next":${link(start + limit)},` : ''
  const prev = start > 0 ? `,"prev":${link(Math.max(0, start - limit))}` : ''
  const count = page.count === undefined ? '' : `,"count":${page.count}`
  const comma = Buffer.from(',')
  const body = Buffer.concat([
    Buffer.from(`{${next}"data":[`),
    ...page.data.flatMap((element, place) => (place === 0 ? element : [comma, element])),
    Buffer.from(`]${prev}${count},"status":"Success"}`),
  ])
  return { status: 200, headers: json, body }
}

export function singleAnswer(data: Buffer): Answer {
  return { status: 200, headers: json, body: `{"data":${data.toString()},"status":"Success"}` }
}

/** Only 0x1001 is documented as a code, for refused input; that all others have the same is inferred. */
export function errorAnswer(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const body = JSON.stringify({ errCode: '0x1001', message, status: 'Error' })
  return { status, headers: { ...json, ...headers }, body }
}

/** The parameters as they came, with the other page in the place of this one. */
function pageLink(
  request: RecordedRequest,
  { path, parameters }: Target,
  start: number,
  limit: number,
  { nextHost, nextEncoding = 'encoded' }: LinkOptions,
): string {
  const called = `http://${request.headers.host ?? ''}`
  const origin = nextHost === undefined ? called : nextHost.includes('://') ? nextHost : `https://${nextHost}`
  const kept = parameters.filter(([name]) => name !== 'resultStart' && name !== 'resultLimit')
  const moved: Parameters = [...kept, ['resultStart', String(start)], ['resultLimit', String(limit)]]
  const encode = nextEncoding === 'raw' ? (text: string) => text : encodeURIComponent
  return `${origin}${path}?${moved.map(([name, value]) => `${name}=${encode(value)}`).join('&')}`
}
