/** Answers of the REST API, and its errors. */
import type { Answer } from '../../../simulation/faults.ts'

/** What a refused request is answered with. */
export interface ErrorDetail {
  /** Default null. */
  readonly title?: string
  readonly hints?: readonly string[]
  /** Default `generic`. */
  readonly errorCode?: string
}

/** The request is answered with this error. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number
  readonly detail: ErrorDetail

  constructor(status: number, message: string, detail: ErrorDetail = {}) {
    super(message)
    this.status = status
    this.detail = detail
  }
}

export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

export function errorAnswer({ status, message, detail }: RequestError): Answer {
  const { title = null, hints = [], errorCode = 'generic' } = detail
  return jsonAnswer(status, { success: false, title, message, hints, error_code: errorCode })
}

/** What is done and has nothing to show. */
export const done = { success: true, title: null, message: null, hints: [] }

/** A GET to a wrong address is a 500 at this product. For the other methods nothing is known: inferred. */
export function noRoute(method: string): RequestError {
  return method === 'GET'
    ? new RequestError(500, 'Internal Server Error')
    : new RequestError(404, 'Not Found')
}

export function badRequest(message: string): RequestError {
  return new RequestError(400, message)
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
