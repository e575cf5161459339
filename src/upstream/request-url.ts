/** The address of a request: built once, so that what is signed is what is sent. */
import { UpstreamError } from '../errors.ts'

/**
 * @param path path and query, begins with `/`
 * @returns the whole address; its `pathname + search` is what goes on the wire
 * @throws UpstreamError unreadable, before anything is sent, for a path that leaves `origin` or that the URL
 * parser would change in silence. Only a vendor's own link can hold one: our paths are encoded part by part.
 */
export function requestUrl(origin: string, path: string, service: string): URL {
  const refuse = (why: string): never => {
    throw new UpstreamError('unreadable', `${service}: refused to send a request whose path ${why}`, {
      service,
    })
  }
  if (!path.startsWith('/')) refuse('does not begin with "/"')
  if (hasControlCharacter(path)) refuse('holds a control character')
  if (path.includes('#')) refuse('holds "#"; in a value it is written %23')
  if (!path.isWellFormed()) refuse('is not well-formed Unicode')
  if (/^[^?]*\\/.test(path)) refuse('holds a backslash')
  if (/^[^?]*\/(?:\.|%2e){1,2}(?:[/?]|$)/i.test(path)) refuse('holds the segment "." or ".."')
  if (path.startsWith('//')) refuse(`leaves ${origin}`)
  const url = new URL(origin + path)
  return url.origin === origin ? url : refuse(`leaves ${origin}`)
}

/** The URL parser drops tabs and line breaks without a word. */
function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
