/** What may go wrong with a vendor, one thing a row: how it looks from here, and the word for its cause that users read. */
import type { Fault } from '../../../src/simulation/faults.ts'

/** What only one vendor can say. */
export interface Wording {
  /** The body of a refusal in the vendor's own form. */
  refusal(status: number, words: string): { readonly type: string; readonly body: string }
  /** A 200 that tells of errors. */
  readonly errorsIn200: string
}

/** What a fault says may hold what was sent, and be longer than anybody wants to read. */
export interface Setting {
  readonly wording: Wording
  readonly words: string
  /** A server that nobody may be sent to. */
  readonly elsewhere: string
  readonly timeoutMs: number
}

export type Broken =
  /** In the place of answers. */
  | { readonly at: 'answer'; fault(setting: Setting): Fault }
  /** Connections: refused, or with a certificate that must not be trusted. */
  | { readonly at: 'way'; readonly way: 'refused' | 'self-signed' | 'other-host' | 'expired' }
  /** The configured name does not exist, until the configuration is mended. */
  | { readonly at: 'name' }
  /** The vendor's clock is ahead of ours. */
  | { readonly at: 'clock'; readonly aheadMs: number }

export interface Row {
  readonly title: string
  readonly broken: Broken
  /** Of its cause, in what users are told. */
  readonly cause: RegExp
  /** It comes once; default: it lasts until it is ended. */
  readonly once?: true
  /** Another one shows much the same: the short form leaves it out. */
  readonly akin?: true
  /** It is about time: the timeout is short. */
  readonly timed?: true
  /** It would fill the memory. */
  readonly heavy?: true
  /** The least that nothing is sent after it, milliseconds. */
  readonly waitMs?: number
}

const answer = (fault: Fault | ((setting: Setting) => Fault)): Broken => ({
  at: 'answer',
  fault: typeof fault === 'function' ? fault : () => fault,
})

const refused = (status: number, headers: Readonly<Record<string, string>> = {}, more: object = {}): Broken =>
  answer(({ wording, words }) => {
    const { type, body } = wording.refusal(status, words)
    return { kind: 'status', status, headers: { 'content-type': type, ...headers }, body, ...more }
  })

/** As gateways answer. */
const page = (status: number, title: string, headers: Readonly<Record<string, string>> = {}): Broken =>
  answer(({ words }) => ({
    kind: 'status',
    status,
    headers: { 'content-type': 'text/html', ...headers },
    body: `<html><head><title>${title}</title></head><body>${words}</body></html>`,
  }))

const redirect = (location: (setting: Setting) => string): Broken =>
  answer((setting) => ({ kind: 'redirect', location: location(setting), status: 302 }))

const large = /more than \d+ bytes/
const slow = /too long|did not answer|timed? ?out/i
const broke = /closed the connection|broke off/
const redirects = /redirect/
const empty = /empty|without|nothing|204/i
const strange =
  /instead of JSON|not JSON|not its API|not (?:with )?a list|without|cut off|HTML|XML|status is/i

/** The longest wait of an exporter or bridge here: a longer one that a vendor asks for is capped by it. */
export const longestWaitMs = 1200

export const faults = {
  'latency under the timeout': {
    title: 'answers come late, but in time',
    broken: answer({ kind: 'delay', ms: 60 }),
    cause: /./,
  },
  'latency over the timeout': {
    title: 'answers come after the timeout, and what was asked is carried out then',
    broken: answer(({ timeoutMs }) => ({ kind: 'delay', ms: timeoutMs * 1.5 })),
    cause: slow,
    timed: true,
  },
  silence: {
    title: 'requests are taken and never answered',
    broken: answer({ kind: 'silence' }),
    cause: slow,
    timed: true,
  },
  'reset before the answer': {
    title: 'connections are reset, nothing is carried out',
    broken: answer({ kind: 'reset' }),
    cause: broke,
  },
  'reset after it was carried out': {
    title: 'what was asked is carried out, and the connection reset before the answer',
    broken: answer({ kind: 'carried-out', next: { kind: 'reset' } }),
    cause: broke,
  },
  'connection refused': {
    title: 'nobody listens',
    broken: { at: 'way', way: 'refused' },
    cause: /refused/,
  },
  'half a body': {
    title: 'the answer breaks off in the middle',
    broken: answer({ kind: 'half-body' }),
    cause: broke,
  },
  'slow drip': {
    title: 'the answer drips, and is whole in time',
    broken: answer({ kind: 'drip', bytes: 400, everyMs: 5 }),
    cause: /./,
  },
  'endless drip': {
    akin: true,
    title: 'the answer drips without end: never idle, never over',
    broken: answer({ kind: 'endless-drip', everyMs: 50 }),
    cause: slow,
    timed: true,
  },
  'cut JSON': {
    title: 'a whole answer whose JSON stops in the middle',
    broken: answer({ kind: 'cut-json' }),
    cause: strange,
  },
  'JSON of another shape': {
    akin: true,
    title: '200 with valid JSON that is something else',
    broken: answer({
      kind: 'wrong-content',
      contentType: 'application/json',
      body: '{"hello":{"world":[1,2,3]}}',
    }),
    cause: strange,
  },
  'login page': {
    title: '200 with the login page of a gateway',
    broken: answer({ kind: 'html' }),
    cause: strange,
  },
  '200 with errors': {
    title: '200 whose body tells of errors',
    broken: answer(({ wording }) => ({
      kind: 'wrong-content',
      contentType: 'application/json',
      body: wording.errorsIn200,
    })),
    cause: /went wrong|not its API|without/,
  },
  '204': {
    akin: true,
    title: '204 without a body',
    broken: answer({ kind: 'status', status: 204 }),
    cause: empty,
  },
  'empty 200': {
    title: '200 without a body',
    broken: answer({ kind: 'status', status: 200 }),
    cause: empty,
  },
  '401 once': {
    title: 'credentials are refused once, and then accepted again',
    broken: refused(401),
    cause: /not accept|refused our credentials|know/,
    once: true,
  },
  '401': {
    title: 'credentials are refused for good',
    broken: refused(401),
    cause: /not accept|refused our credentials|know/,
  },
  '403': {
    title: 'the account lacks the right',
    broken: refused(403),
    cause: /refuses|not accept|refused|right|403/,
  },
  '404': {
    title: 'there is no such path',
    broken: page(404, 'Not Found'),
    cause: /no .*(?:API|at this)|404/,
  },
  '429 with seconds': {
    title: '429 that names seconds',
    broken: refused(429, { 'retry-after': '1' }),
    cause: /slow down|429/,
    waitMs: 1000,
  },
  '429 with a date': {
    title: '429 that names a time of day',
    broken: refused(429, {}, { retryAtMs: 2000 }),
    cause: /slow down|429/,
    waitMs: 1000,
  },
  '429 with nonsense': {
    title: '429 whose Retry-After is neither',
    broken: refused(429, { 'retry-after': 'soon' }),
    cause: /slow down|429/,
  },
  '429 without Retry-After': {
    title: '429 that names nothing',
    broken: refused(429),
    cause: /slow down|429/,
  },
  '429 for two hours': {
    akin: true,
    title: '429 that asks for more than anybody waits',
    broken: refused(429, { 'retry-after': '7200' }),
    cause: /slow down|429/,
    waitMs: 0.9 * longestWaitMs,
  },
  '500': { title: 'internal error', broken: refused(500), cause: /not available|500/ },
  '502': { akin: true, title: 'a bad gateway', broken: page(502, 'Bad Gateway'), cause: /not available|502/ },
  '503': {
    title: 'under maintenance',
    broken: page(503, 'Service Unavailable', { 'retry-after': '1' }),
    cause: /not available|503/,
  },
  '504': {
    akin: true,
    title: 'a gateway that gave up waiting',
    broken: page(504, 'Gateway Timeout'),
    cause: /not available|too long|504/,
  },
  'self-signed certificate': {
    akin: true,
    title: 'nobody vouches for the certificate',
    broken: { at: 'way', way: 'self-signed' },
    cause: /certificate/,
  },
  'certificate of another host': {
    akin: true,
    title: 'the certificate is for another name',
    broken: { at: 'way', way: 'other-host' },
    cause: /certificate/,
  },
  'expired certificate': {
    title: 'the certificate has expired',
    broken: { at: 'way', way: 'expired' },
    cause: /expired/,
  },
  'no such name': {
    title: 'the configured name does not exist',
    broken: { at: 'name' },
    cause: /name/,
  },
  'redirect on the same host': {
    akin: true,
    title: 'a redirect to a login page beside the API',
    broken: redirect(() => '/login-page?next=1'),
    cause: redirects,
  },
  'redirect to another host': {
    title: 'a redirect to a server of somebody else',
    broken: redirect(
      ({ elsewhere, words }) => `${elsewhere}/take?what=${encodeURIComponent(words.slice(0, 200))}`,
    ),
    cause: redirects,
  },
  'redirect to the metadata': {
    akin: true,
    title: "a redirect to a cloud's metadata",
    broken: redirect(() => 'http://169.254.169.254/latest/meta-data/iam/'),
    cause: redirects,
  },
  'huge body': {
    title: 'an answer without end',
    broken: answer({ kind: 'huge' }),
    cause: large,
    heavy: true,
  },
  'gzip bomb': {
    title: 'a megabyte that unpacks to a gibibyte',
    broken: answer({ kind: 'gzip-bomb', bytes: 1024 * 1_048_576 }),
    cause: large,
    heavy: true,
  },
  'wrong content type': {
    akin: true,
    title: '200 with XML',
    broken: answer(({ words }) => ({ kind: 'wrong-content', body: `<?xml version="1.0"?><a>${words}</a>` })),
    cause: strange,
  },
  'mislabelled JSON': {
    akin: true,
    title: 'the right answer, called text/html',
    broken: answer({ kind: 'mislabelled', contentType: 'text/html; charset=utf-8' }),
    cause: /./,
  },
  'clock off by 6 minutes': {
    title: "the vendor's clock and ours differ by 6 minutes",
    broken: { at: 'clock', aheadMs: 6 * 60_000 },
    cause: /clock is 3[56]\d s/,
  },
} as const satisfies Readonly<Record<string, Row>>

export type FaultId = keyof typeof faults

export const faultIds = Object.keys(faults) as FaultId[]

/** Of this run: all of them, or the short form, which is in every `npm test`. */
export const triedIds: readonly FaultId[] =
  process.env.VENDOR_FAULTS === 'all' ? faultIds : faultIds.filter((id) => rowOf(id).akin !== true)

export function rowOf(id: FaultId): Row {
  return faults[id]
}
