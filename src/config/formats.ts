/** Texts that mean more than their characters: durations, percentages, addresses. Pure, but for `path`. */
import { isIPv4 } from 'node:net'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ipaddr from 'ipaddr.js'
import type { FormatName, SchemaView } from './schema-types.ts'

/** What a format may look at besides the text. */
export interface FormatContext {
  /** Folder that relative paths start from. */
  readonly folder: string
  /** @throws Error when the file can't be read */
  readonly readFile: (path: string) => string
}

export type Read = { readonly value: unknown } | { readonly because: string }

/** The text is not of this format, and what it takes says all there is to say. */
const wrong = { because: '' } as const

interface Format {
  /** What the field takes, to stand after "takes". */
  takes(schema: SchemaView): string
  /** The loaded value, or why it is none. */
  read(text: string, schema: SchemaView, context: FormatContext): Read
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `240m`; undefined when it is no duration. */
function durationMs(text: string): number | undefined {
  const [, count, unit = ''] = /^([0-9]+)(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = Number(count) * (unitMs[unit] ?? Number.NaN)
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** The shortest spelling: 14400000 is `4h`. */
export function durationText(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((name) => ms !== 0 && ms % (unitMs[name] ?? 1) === 0) ?? 'ms'
  return `${ms / (unitMs[unit] ?? 1)}${unit}`
}

const duration: Format = {
  takes(schema) {
    const { 'x-min-ms': min = 1, 'x-max-ms': max = Number.MAX_SAFE_INTEGER } = schema
    const off = schema['x-off'] ? ', or off' : ''
    return `a duration of ${durationText(min)} to ${durationText(max)} such as 90s (units ms, s, m, h, d)${off}`
  },
  read(text, schema) {
    if (text === 'off') return { value: null }
    const ms = durationMs(text)
    const { 'x-min-ms': min = 1, 'x-max-ms': max = Number.MAX_SAFE_INTEGER } = schema
    return ms === undefined || ms < min || ms > max ? wrong : { value: ms }
  },
}

const percent: Format = {
  takes: (schema) => `a percentage of 0% to 100%${schema['x-off'] ? ', or off' : ''}`,
  read(text) {
    if (text === 'off') return { value: 1 }
    const fraction = Number(text.slice(0, -1)) / 100
    return fraction <= 1 ? { value: fraction } : wrong
  },
}

const httpUrl: Format = {
  takes: () => 'an http or https address without credentials, query and fragment',
  read(text) {
    const url = URL.parse(text)
    const bare = url !== null && !/[@?#\s]/.test(text) && /^https?:$/.test(url.protocol)
    return bare ? plainHost(text, url) : wrong
  },
}

/**
 * A host whose text is not what it means is no slip of the pen: `0x7f.1`, `2130706433`, `①27。0。0。1`, `%6cocalhost`.
 * Names with letters of other languages are what they look like.
 */
function plainHost(text: string, { hostname }: URL): Read {
  const [, host = ''] = /^(?:[a-z]+:\/\/)?(?:[^@/?#]*@)?(\[[^\]]*\]|[^:/?#]*)/i.exec(text) ?? []
  const isSame = host.toLowerCase() === hostname || host.startsWith('[')
  if (isSame || (!isIPv4(hostname) && !host.includes('%') && /(?:^|\.)xn--/.test(hostname))) {
    return { value: text }
  }
  const meant = isIPv4(hostname) ? `it means ${hostname}` : 'it stands for another text'
  return { because: `its host is not written as it is read: ${meant}` }
}

const host: Format = {
  takes: () => 'a host name, host:port, or an http or https address without a path',
  read(text) {
    const url = URL.parse(text.includes('://') ? text : `https://${text}`)
    const bare =
      url !== null && !/[@?#\s]/.test(text) && /^https?:$/.test(url.protocol) && url.pathname === '/'
    return bare ? plainHost(text, url) : wrong
  },
}

const storeUrl: Format = {
  takes: () => 'file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE',
  read(text, _schema, { folder, readFile }) {
    if (text.startsWith('file:')) {
      const path = storeFolder(text, folder)
      return path === undefined ? wrong : { value: `file:${path}` }
    }
    const url = URL.parse(text)
    if (url === null || !/^postgres(ql)?:\/\//.test(text) || text.includes('#')) return wrong
    // A password with a bare "/", "?" or "#" would end the host part early and show itself.
    const credentials = url.username !== '' || url.password !== ''
    if (text.includes('@') !== credentials) return wrong
    const because = tlsFault(url.searchParams, readFile)
    return because === undefined ? { value: text } : { because }
  },
}

const tlsFiles = ['sslrootcert', 'sslcert', 'sslkey']
const tlsParameters = ['ssl', 'sslmode', 'sslnegotiation', ...tlsFiles]
const tlsModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** The driver passes over what it does not know: a typo would send the password without TLS. */
function tlsFault(parameters: URLSearchParams, readFile: FormatContext['readFile']): string | undefined {
  for (const [name, value] of parameters) {
    if (!/^ssl/i.test(name)) continue
    if (!tlsParameters.includes(name)) return `of TLS it takes ${tlsParameters.join(', ')}; not ${name}`
    if (name === 'sslmode' && !tlsModes.includes(value)) {
      return `sslmode takes ${tlsModes.join(', ')}; not ${value}`
    }
    if (!tlsFiles.includes(name)) continue
    try {
      // As the driver finds it.
      readFile(resolve(value))
    } catch (error) {
      return `${name}: ${fileFault(error)}`
    }
  }
  return undefined
}

/** Absolute path of `file:./data`, `file:/data`, `file:///data`; undefined when it names none. */
export function storeFolder(url: string, folder: string): string | undefined {
  const path = url.slice('file:'.length)
  if (path === '' || path.includes('\0')) return undefined
  if (!path.startsWith('//')) return resolve(folder, path)
  try {
    return fileURLToPath(url)
  } catch {
    // Another host's folder, or a bad escape: the caller says what is taken.
    return undefined
  }
}

const proxy: Format = {
  takes: () => 'http://HOST:PORT, https://HOST:PORT, none, or an empty text',
  read(text) {
    if (text === '' || text === 'none') return { value: text }
    const url = /^https?:\/\/([^\s/?#]*@)?[^\s/?#@]+:[0-9]{1,5}\/?$/.test(text) ? URL.parse(text) : null
    return url === null ? wrong : plainHost(text, url)
  },
}

const path: Format = {
  takes: () => 'the path of a file that can be read',
  read(text, _schema, { folder, readFile }) {
    if (text === '') return { value: '' }
    const absolute = resolve(folder, text)
    try {
      readFile(absolute)
    } catch (error) {
      return { because: fileFault(error) }
    }
    return { value: absolute }
  },
}

const exclusion: Format = {
  takes: () => 'a CIDR such as 10.0.0.0/8, a domain, or an exact value',
  read(text) {
    const looksLikeCidr =
      /^[0-9.]+\/[0-9]+$/.test(text) || (text.includes(':') && /^[0-9a-f:.]+\/[0-9]+$/i.test(text))
    const isCidr = ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text)
    return looksLikeCidr && !isCidr ? wrong : { value: text }
  },
}

export const formats: Readonly<Record<FormatName, Format>> = {
  duration,
  percent,
  'http-url': httpUrl,
  host,
  'store-url': storeUrl,
  proxy,
  path,
  exclusion,
}

/** Why a file could not be read, in few words. */
export function fileFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'no permission to read it',
    EISDIR: 'it is a folder',
  }
  return words[code] ?? `it can't be read${code === '' ? '' : ` (${code})`}`
}

/** Passwords inside an address: as they stand in it, and decoded. */
export function passwordsOf(address: string): readonly string[] {
  const found = [/\/\/[^/?#:]*:([^/?#]*)@/.exec(address)?.[1]]
  for (const [, value] of address.matchAll(/[?&](?:ssl)?password=([^&#]*)/gi)) found.push(value)
  const raw = found.filter((text) => text !== undefined && text !== '') as string[]
  return [...new Set(raw.flatMap((text) => [text, decoded(text)]))]
}

/** The address with every password as `[redacted]`. */
export function redactAddress(address: string): string {
  return address
    .replace(/(\/\/[^/?#:]*:)[^/?#]*@/, '$1[redacted]@')
    .replace(/([?&](?:ssl)?password=)[^&#]*/gi, '$1[redacted]')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A bare % is no escape: the text itself is then the password.
    return text
  }
}
