/** Canonical URLs taken apart, without a change to any part. */

export interface UrlParts {
  /** Lower case, without `://`; empty: none. */
  readonly scheme: string
  /** Without the `@`; undefined: none. */
  readonly user: string | undefined
  /** A name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string
  /** Digits; empty: none. */
  readonly port: string
  /** From the first `/`, `?`, `#` or `\` on, without the fragment. */
  readonly path: string
  /** With its `#`; empty: none. */
  readonly fragment: string
}

/** Undefined for what has no host (`file:///x`). */
export function splitUrl(url: string): UrlParts | undefined {
  const separator = url.indexOf('://')
  const hasScheme = separator > 0 && /^[a-z][a-z0-9+.-]*$/.test(url.slice(0, separator))
  const start = hasScheme ? separator + 3 : 0
  const end = authorityEnd(url, start)
  const authority = url.slice(start, end)
  const at = authority.lastIndexOf('@')
  const hostPort = authority.slice(at + 1)
  const literalEnd = hostPort.startsWith('[') ? hostPort.indexOf(']') : 0
  const colon = hostPort.indexOf(':', Math.max(literalEnd, 0))
  const host = colon < 0 ? hostPort : hostPort.slice(0, colon)
  if (host === '') return undefined
  const hash = url.indexOf('#', end)
  return {
    scheme: hasScheme ? url.slice(0, separator) : '',
    user: at < 0 ? undefined : authority.slice(0, at),
    host,
    port: colon < 0 ? '' : hostPort.slice(colon + 1),
    path: url.slice(end, hash < 0 ? url.length : hash),
    fragment: hash < 0 ? '' : url.slice(hash),
  }
}

function authorityEnd(url: string, start: number): number {
  for (let index = start; index < url.length; index++) {
    const code = url.charCodeAt(index)
    if (code === 0x2f || code === 0x3f || code === 0x23 || code === 0x5c) return index
  }
  return url.length
}

const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443', ftp: '21' }

export function isDefaultPort({ scheme, port }: Pick<UrlParts, 'scheme' | 'port'>): boolean {
  return port === '' || (Object.hasOwn(defaultPorts, scheme) && defaultPorts[scheme] === port)
}

const needsEncoding = /[^!#$&'()*+,\-./0-9:;=?@A-Z[\]_a-z~]/

/** Everything that no URL holds as it is (RFC 3986) in percent escapes of UTF-8; escapes that are there stay. */
export function percentEncoded(text: string): string {
  if (!needsEncoding.test(text)) return text
  return text.replaceAll(/%(?![0-9a-fA-F]{2})|[^!#$%&'()*+,\-./0-9:;=?@A-Z[\]_a-z~]+/g, (part) =>
    part === '%' ? '%25' : encodeURIComponent(part.toWellFormed()),
  )
}
