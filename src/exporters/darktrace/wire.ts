/** What goes on the wire: names of the API, the members that are stored with an entry, ASCII bodies, dates. */
import type { Indicator } from '../../model/indicator.ts'
import type { PushOptions } from '../exporter.ts'
import type { DarktraceSettings } from './settings.ts'

export const service = 'darktrace'
export const path = '/intelfeed'

/** What Darktrace stores with an entry. Entries with the same go in one request. */
export interface Entry {
  readonly source: string
  /** At most 255 characters. */
  readonly description?: string
  /** UTC, `2024-09-27T12:00:00`. */
  readonly expiry?: string
  /** The host alone, without its subdomains. */
  readonly hostname?: true
  /** Darktrace acts by itself. */
  readonly iagn?: true
}

/** The body of a POST. `source` is always said: without it the product takes its own default, or any source. */
export type Command =
  | ({ readonly addlist: string } & Entry)
  | { readonly removeentry: string; readonly source: string }

export type EntrySettings = Pick<
  DarktraceSettings,
  'source' | 'expireAfterDays' | 'exactHost' | 'autonomousResponse'
>

const dayMs = 86_400_000
const mostDescription = 255

export function sourceFor(settings: EntrySettings, options: PushOptions): string {
  return typeof options.source === 'string' ? options.source : settings.source
}

/** @param now milliseconds: one for all of a batch, so that its entries share their expiry */
export function entryOf(
  { type, description }: Indicator,
  options: PushOptions,
  settings: EntrySettings,
  now: number,
): Entry {
  const days =
    typeof options.expireAfterDays === 'number' ? options.expireAfterDays : settings.expireAfterDays
  const words = descriptionText(description)
  return {
    ...(words !== '' && { description: words }),
    ...(days > 0 && { expiry: new Date(now + days * dayMs).toISOString().slice(0, 19) }),
    source: sourceFor(settings, options),
    ...(settings.exactHost && type === 'domain' && { hostname: true }),
    ...(settings.autonomousResponse && type !== 'cidr' && { iagn: true }),
  }
}

/** On one line; cut before 256, never within a character. */
function descriptionText(text = ''): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  if (line.length <= mostDescription) return line
  const cut = line.slice(0, mostDescription)
  return (cut.isWellFormed() ? cut : cut.slice(0, -1)).trimEnd()
}

/**
 * Whether storing `wanted` over `had` may leave something of the old one: what a request leaves out is perhaps kept,
 * and a host may stand beside a domain. Such an entry is removed first.
 */
export function leavesTraces(had: unknown, wanted: Entry): boolean {
  if (typeof had !== 'object' || had === null) return false
  const old: { readonly [name in keyof Entry]?: unknown } = had
  const lost = (['description', 'expiry', 'iagn'] as const).some(
    (name) => old[name] !== undefined && wanted[name] === undefined,
  )
  return lost || (old.hostname === true) !== (wanted.hostname === true)
}

/** JSON of ASCII signs alone: the bytes that are signed are then the bytes that are sent, whoever encodes them. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Header DTAPI-Date: `20240926T120000`, UTC. */
export function dateHeader(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')
}

/** Path and query, names in alphabetical order. */
export function listPath(source: string, details: boolean): string {
  return `${path}?${details ? 'fulldetails=true&' : ''}source=${encodeURIComponent(source)}`
}
