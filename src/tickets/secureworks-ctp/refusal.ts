/** What CTP says where it refuses, read into the kind of failure that it is; its own words go into the message. */
import { UpstreamError, type UpstreamErrorKind } from '../../errors.ts'
import { answerError } from '../../upstream/answer-error.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf } from '../../upstream/json.ts'
import { waitOf } from '../../upstream/retry-after.ts'
import { service } from './wire.ts'

/** What the refused request was about: one ticket (or some), or the API as such. */
export type Place = 'ticket' | 'api'

/** Statuses that may be about the one ticket or about all: which is not to be seen from the answer. */
export const doubtful: ReadonlySet<number | undefined> = new Set([403, 404, 405, 410])

/** @returns undefined where the general rules of HTTP say all */
export function refusalOf(
  answer: HttpResponse,
  place: Place,
  http: HttpClient,
  clean: (text: string) => string,
): UpstreamError | undefined {
  const { status } = answer
  const peer = `${service} (${new URL(http.origin).host})`
  const general = () => answerError(answer, service, peer).message
  const [kind, sentence] = reading(status, place, peer, general) ?? []
  if (kind === undefined) return undefined
  const { words, code } = bodyWords(answer.body, clean)
  return new UpstreamError(kind, words === '' ? `${sentence}` : `${sentence}: ${words}`, {
    service,
    status,
    ...(code !== undefined && { code }),
    ...waitOf(answer),
  })
}

function reading(
  status: number,
  place: Place,
  peer: string,
  general: () => string,
): readonly [UpstreamErrorKind, string] | undefined {
  if (status >= 300 && status < 400) return ['address', general()]
  if (status < 400 || status === 407 || status > 599) return undefined
  if (status >= 500 || status === 408) return ['unavailable', general()]
  switch (status) {
    case 401:
      return ['credentials', 'Secureworks does not accept the API credentials (401)']
    case 403:
      return ['permission', 'Secureworks refuses the API user the right to do this (403)']
    case 404:
    case 405:
    case 410:
      return place === 'ticket'
        ? ['address', `Secureworks has nothing there to do this with (${status})`]
        : ['address', `There is no CTP ticket API at this base URL: ${peer} answered ${status}`]
    // Nothing public tells of it: the app of IBM's has tickets acknowledged before they are closed.
    case 409:
      return ['unavailable', 'Secureworks does not take this as the ticket stands (409)']
    case 429:
      return ['throttled', general()]
    default:
      return ['rejected', `Secureworks refused the request (${status})`]
  }
}

const mostBytes = 65_536

interface BodyWords {
  readonly words: string
  readonly code?: string
}

/** No body of an error is public: members that such bodies have elsewhere are looked for, else its text is shown. */
function bodyWords(body: Buffer, clean: (text: string) => string): BodyWords {
  const text = body.subarray(0, mostBytes).toString()
  const value = jsonOf(text)
  if (!isObject(value) && !Array.isArray(value)) return { words: clean(withoutTags(text)) }
  const found = wordsIn(value)
  const code = isObject(value) ? (value.code ?? value.errorCode) : undefined
  return {
    words: clean(found === '' ? text : found),
    ...(typeof code === 'string' && code !== '' && { code: clean(code).slice(0, 60) }),
  }
}

const wordMembers = [
  'message',
  'errorMessage',
  'error_description',
  'detail',
  'reason',
  'error',
  'errors',
] as const

/** What a body says for people, where it has members for that; else nothing. Not clean yet. */
export function wordsIn(body: unknown): string {
  return [...new Set(phrases(body, 3))].join('; ')
}

function phrases(value: unknown, depth: number): readonly string[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [value.trim()]
  if (depth === 0) return []
  if (Array.isArray(value)) return value.slice(0, 3).flatMap((item) => phrases(item, depth - 1))
  if (!isObject(value)) return []
  return wordMembers.flatMap((name) => phrases(value[name], depth - 1))
}

function withoutTags(text: string): string {
  return text
    .replace(/<(script|style)\b[^<>]*>[^<]*<\/\1>/gi, ' ')
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
