/** Darktrace's answers: what was stored, what is listed, and what a refusal means. */
import { UpstreamError } from '../../errors.ts'
import type { HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf, parseJson } from '../../upstream/json.ts'
import { service } from './wire.ts'

/** Takes secrets out of the product's words. */
export type Clean = (text: string) => string

/** What a POST was answered with. */
export interface Stored {
  /** false: a 200 without a body, which says nothing. */
  readonly said: boolean
  /** Entries that the answer names, as it spells them; undefined: it only counts them. */
  readonly named?: readonly string[]
  /** As many entries as it counts, new or not. */
  readonly counted?: number
}

/** An entry of the watched list. */
export interface Listed {
  readonly name: string
  /** UTC as the product writes it; only with full details. */
  readonly expiry?: string
}

/** Furthest that a request's date may be from Darktrace's clock. */
export const maxSkewMs = 30 * 60_000

/** @throws UpstreamError of the kind that its words name, unreadable for anything but `SUCCESS` */
export function readStored(answer: HttpResponse, clean: Clean): Stored {
  if (isBlank(answer.body)) return { said: false }
  const body = parseJson(answer.body, { service, status: answer.status, clean })
  const members = isObject(body) ? body : {}
  const lists = [members.addedList, members.updatedList].filter(Array.isArray)
  const counted = typeof members.added === 'number' || lists.length > 0
  const success = members.response === undefined ? counted : /^success$/i.test(String(members.response))
  if (!success) throw refusedIn200(answer, body, clean)
  if (lists.length > 0) return { said: true, named: lists.flat().filter(isText) }
  const counts = [members.added, members.updated].filter((count) => typeof count === 'number')
  return { said: true, ...(counts.length > 0 && { counted: Math.max(...counts) }) }
}

/** Names of the entries, or of the sources. @throws UpstreamError */
export function readListed(answer: HttpResponse, clean: Clean): readonly Listed[] {
  const body = parseJson(answer.body, { service, status: answer.status, clean })
  if (!Array.isArray(body)) throw refusedIn200(answer, body, clean)
  return body.map((entry: unknown) => {
    if (isText(entry)) return { name: entry }
    if (isObject(entry) && isText(entry.name)) {
      return { name: entry.name, ...(isText(entry.expiry) && { expiry: entry.expiry }) }
    }
    // Passed over, it could be the very entry that is looked for.
    throw unreadable(answer, 'Darktrace lists an entry that has no name')
  })
}

/** Of an answer that is not 2xx; undefined leaves it to the rules of HTTP. */
export function readRefusal(answer: HttpResponse, clean: Clean): UpstreamError | undefined {
  const { status } = answer
  if (status >= 300 && status < 400) return redirected(answer)
  const words = wordsOf(answer)
  if (status === 400 || status === 401 || status === 403) {
    const known = knownWords(words, answer, clean)
    if (known !== undefined) return known
  }
  const said = words.length > 0 ? `: ${clean(words.join('; '))}` : ''
  if (status === 401) return failure('credentials', `${wrongSignature}${said || ' (401)'}`, answer)
  if (status === 403) return failure('permission', `${noPermission}${said || ' (403)'}`, answer)
  if (status === 413) return failure('rejected', `The request is too large for Darktrace${said}`, answer)
  if ((status === 400 && !isPage(answer.body)) || status === 422) {
    return failure('rejected', `Darktrace refused the request${said || ` (${status})`}`, answer)
  }
  if (status >= 400 && status < 500 && ![407, 408, 425, 429].includes(status)) {
    return failure(
      'address',
      `There is no Darktrace API at this address: it answers ${status}${said}`,
      answer,
    )
  }
  return undefined
}

/** Darktrace's clock minus ours, milliseconds, where the answer has a Date header. */
export function skewOf(answer: HttpResponse): number | undefined {
  const date = Date.parse(String(answer.headers.date ?? ''))
  return Number.isNaN(date) ? undefined : date - answer.receivedAt
}

/** `Our clock is 31 min ahead of Darktrace's`. */
export function skewSentence(skewMs: number): string {
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  const much = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
  return `Our clock is ${much} ${skewMs > 0 ? 'behind' : 'ahead of'} Darktrace's`
}

const wrongSignature = 'Darktrace does not accept our signature'
const noPermission = 'Darktrace refuses our token the right to edit watched domains'

/** The product says what is wrong in words, under a key that is not documented, with 400 or in a 200. */
function knownWords(words: readonly string[], answer: HttpResponse, clean: Clean): UpstreamError | undefined {
  const find = (text: string) => words.find((each) => each.toUpperCase().includes(text))
  const late = find('API DATE ERROR')
  if (late !== undefined) return failure('clock-skew', `${clockSentence(answer)}: ${clean(late)}`, answer)
  const unsigned = find('API SIGNATURE ERROR')
  if (unsigned !== undefined) return failure('credentials', `${wrongSignature}: ${clean(unsigned)}`, answer)
  const input = find('INPUT ERROR')
  if (input !== undefined)
    return failure('rejected', `Darktrace refused the request: ${clean(input)}`, answer)
  return undefined
}

function clockSentence(answer: HttpResponse): string {
  const skewMs = skewOf(answer)
  if (skewMs === undefined) return 'Darktrace does not accept the time of our clock'
  if (Math.abs(skewMs) > maxSkewMs) return `${skewSentence(skewMs)}; more than 30 min is refused`
  return `Darktrace does not accept the time of our clock, though ${lowerFirst(skewSentence(skewMs))}, by its Date header`
}

/** The appliance redirects what is signed well: to /403 without the permission, to /login where there is no such path. */
function redirected(answer: HttpResponse): UpstreamError {
  const { location } = answer.headers
  const text = Array.isArray(location) ? location[0] : location
  const target = text ?? /Redirecting to (\S+)/.exec(answer.body.toString('latin1', 0, 1000))?.[1] ?? ''
  const page = URL.parse(target, 'http://relative.invalid')
  if (page?.pathname === '/403') return failure('permission', `${noPermission} (redirect to /403)`, answer)
  const where =
    page?.pathname === '/login'
      ? 'its login page'
      : page === null || page.host === 'relative.invalid'
        ? 'another page'
        : `${page.protocol}//${page.host.slice(0, 253)}`
  return failure('address', `There is no Darktrace API at this address: it redirects to ${where}`, answer)
}

function refusedIn200(answer: HttpResponse, body: unknown, clean: Clean): UpstreamError {
  const words = textsIn(body)
  const known = knownWords(words, answer, clean)
  if (known !== undefined) return known
  const said = words.length > 0 ? `: ${clean(words.join('; '))}` : ''
  return unreadable(answer, `Darktrace answered ${answer.status} with something that is not its API${said}`)
}

function wordsOf({ body }: HttpResponse): readonly string[] {
  if (isBlank(body) || isPage(body)) return []
  const value = jsonOf(body)
  // Plain text is words too.
  return value === undefined ? [body.toString().trim()] : textsIn(value)
}

/** Every text among the values, however deep. */
function textsIn(value: unknown, depth = 0): readonly string[] {
  if (isText(value)) return value === '' ? [] : [value]
  if (typeof value !== 'object' || value === null || depth > 8) return []
  return Object.values(value).flatMap((each) => textsIn(each, depth + 1))
}

function failure(
  kind: UpstreamError['kind'],
  message: string,
  { status }: Pick<HttpResponse, 'status'>,
): UpstreamError {
  return new UpstreamError(kind, message, { service, status })
}

function unreadable(answer: HttpResponse, message: string): UpstreamError {
  return failure('unreadable', message, answer)
}

function isPage(body: Buffer): boolean {
  return body.toString('latin1', 0, 200).trimStart().startsWith('<')
}

function isBlank(body: Buffer): boolean {
  return body.length < 1000 && body.toString('latin1').trim() === ''
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
