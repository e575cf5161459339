/** Reads `multipart/form-data`. */
import { badRequest } from './answers.ts'

export interface Part {
  readonly name: string
  /** Undefined: the part is no file. */
  readonly fileName: string | undefined
  readonly contentType: string | undefined
  readonly bytes: Buffer
}

const lineEnd = '\r\n'

/** @throws RequestError 400 for what is no complete form */
export function readMultipart(contentType: string, body: Buffer): readonly Part[] {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? []
  const boundary = quoted ?? bare
  if (boundary === undefined) throw badRequest('The multipart body has no boundary.')
  const opening = `--${boundary}`
  const parts: Part[] = []
  let at = body.indexOf(opening)
  while (at !== -1) {
    const from = at + Buffer.byteLength(opening)
    const after = body.toString('latin1', from, from + 2)
    if (after === '--') return parts
    const to = body.indexOf(`${lineEnd}${opening}`, from)
    if (after !== lineEnd || to === -1) break
    parts.push(readPart(body.subarray(from + 2, to)))
    at = to + 2
  }
  throw badRequest('The multipart body does not end as it should.')
}

function readPart(part: Buffer): Part {
  const gap = part.indexOf(`${lineEnd}${lineEnd}`)
  if (gap === -1) throw badRequest('A part of the multipart body has no headers.')
  const headers = new Map<string, string>()
  for (const line of part.toString('utf8', 0, gap).split(lineEnd)) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  const disposition = headers.get('content-disposition') ?? ''
  const name = parameter(disposition, 'name')
  if (!disposition.startsWith('form-data') || name === undefined) {
    throw badRequest('A part of the multipart body has no name.')
  }
  const bytes = Buffer.from(part.subarray(gap + 4))
  return {
    name,
    fileName: parameter(disposition, 'filename'),
    contentType: headers.get('content-type'),
    bytes,
  }
}

/** Names as browsers and fetch write them (`%22` for a quote), or with a backslash, or as RFC 5987. */
function parameter(disposition: string, name: string): string | undefined {
  const extended = new RegExp(`;\\s*${name}\\*=UTF-8''([^;\\s]+)`, 'i').exec(disposition)?.[1]
  if (extended !== undefined) {
    try {
      return decodeURIComponent(extended)
    } catch {
      throw badRequest(`The ${name} "${extended}" can't be decoded.`)
    }
  }
  const [, quoted, bare] =
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(disposition) ?? []
  const escapes: Readonly<Record<string, string>> = { '%22': '"', '%0D': '\r', '%0A': '\n' }
  return (
    quoted?.replace(/\\(["\\])/g, '$1').replace(/%22|%0D|%0A/g, (found) => escapes[found] ?? found) ?? bare
  )
}
