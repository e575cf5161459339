/** Errors as TAXII 2.1 has them (section 3.6.1): below /taxii2 every error is one, the framework's own included. */
import { taxiiMediaType } from '../taxii/media-types.ts'
import type { Problem } from './problem.ts'

/** @param path without its query */
export function isTaxii(path: string): boolean {
  return path === '/taxii2' || path.startsWith('/taxii2/')
}

export function taxiiError(problem: Problem): { readonly mediaType: string; readonly body: string } {
  const { title, detail, status, code, requestId, errors, upstream } = problem
  const details = { ...(errors && { errors }), ...(upstream && { upstream }) }
  const message = {
    title,
    description: detail,
    error_id: requestId,
    error_code: code,
    http_status: String(status),
    ...(Object.keys(details).length > 0 && { details }),
  }
  return { mediaType: taxiiMediaType, body: JSON.stringify(message) }
}
