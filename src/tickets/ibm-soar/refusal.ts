/** What IBM SOAR says where it refuses, read into the kind of failure that it is. */
import { UpstreamError, type UpstreamErrorKind } from '../../errors.ts'
import { answerError } from '../../upstream/answer-error.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf } from '../../upstream/json.ts'
import { waitOf } from '../../upstream/retry-after.ts'
import { type Json, service } from './wire.ts'

/** There is nothing at the address: an incident that is gone, or no SOAR at all. */
export class Missing extends UpstreamError {}

/** @returns undefined where the general rules of HTTP say all: 407, 408, 429 */
export function refusalOf(
  answer: HttpResponse,
  http: HttpClient,
  clean: (text: string) => string,
): UpstreamError | undefined {
  const { status } = answer
  const words = wordsOf(answer, clean)
  const peer = `IBM SOAR (${new URL(http.origin).host})`
  const details = { service, status, ...waitOf(answer) }
  const error = (kind: UpstreamErrorKind, sentence: string) =>
    new UpstreamError(kind, said(sentence, words), details)
  if (status === 401) {
    return error(
      'credentials',
      `${peer} does not accept the API key (401): it is blocked, its secret is wrong, or this address is banned`,
    )
  }
  if (status === 403) return error('permission', `${peer} refuses the API key the right to do this (403)`)
  if (status === 404 || status === 405) {
    return new Missing('address', said(`${peer} has nothing at this address (${status})`, words), details)
  }
  if (status === 409) {
    return error('unavailable', `${peer} could not save it because of another change at the same time (409)`)
  }
  if (status >= 300 && status < 400) {
    return new UpstreamError('address', answerError(answer, service, peer).message, details)
  }
  if (status >= 500 && status < 600) return error('unavailable', answerError(answer, service, peer).message)
  if (status === 407 || status === 408 || status === 429 || status < 400) return undefined
  return error('rejected', `${peer} refused the request (${status})`)
}

/**
 * A 200 that says `success: false`.
 * @param changes whether something was to be changed, which is refused then; a question that is not answered says
 * nothing of what was to follow it
 */
export function unsuccessful(
  body: Json,
  status: number,
  clean: (text: string) => string,
  changes = true,
): UpstreamError {
  return new UpstreamError(
    changes ? 'rejected' : 'unreadable',
    said(`IBM SOAR refused the request (${status})`, messageOf(body, clean)),
    {
      service,
      status,
    },
  )
}

/** @param what completes "IBM SOAR answered …" */
export function unreadable(what: string, status?: number): UpstreamError {
  return new UpstreamError('unreadable', `IBM SOAR answered ${what}`, {
    service,
    ...(status !== undefined && { status }),
  })
}

function said(sentence: string, words: string): string {
  return words === '' ? sentence : `${sentence}: ${words}`
}

function wordsOf(answer: HttpResponse, clean: (text: string) => string): string {
  const body = jsonOf(answer.body)
  // A gateway's page, or nothing: the status alone speaks then.
  return isObject(body) ? messageOf(body, clean) : ''
}

function messageOf({ message, title, hints }: Json, clean: (text: string) => string): string {
  const words = [message ?? title, ...(Array.isArray(hints) ? hints.slice(0, 5) : [])]
  return clean(words.filter((each) => typeof each === 'string' && each.trim() !== '').join('; '))
}
