/** One indicator as Taegis takes it: one input, or one for each hash of a file. Pure. */
import { canonicalHash } from '../../model/canonical.ts'
import type { Indicator } from '../../model/indicator.ts'
import type { Delivery, PushOptions } from '../exporter.ts'
import type { SecureworksSettings } from './settings.ts'
import {
  type IndicatorInput,
  isQuotable,
  type ObjectSubtype,
  type ObjectType,
  type Severity,
} from './wire.ts'

export type InputSettings = Pick<SecureworksSettings, 'sourceName' | 'linkBaseUrl' | 'severity'>

/** Limits of Taegis are not published; these are sane, and let a receipt be read. */
const longestName = 255
const longestDescription = 1000

export function sourceOf(options: PushOptions, settings: InputSettings): string {
  return typeof options.source === 'string' ? options.source : settings.sourceName
}

/** Never empty for an indicator that is not refused. */
export function inputsOf(
  { indicator, options }: Pick<Delivery, 'indicator' | 'options'>,
  settings: InputSettings,
): readonly IndicatorInput[] {
  const source = sourceOf(options, settings)
  const link = linkTo(indicator, settings)
  return objectsOf(indicator).map(({ type, subtype, value }) => ({
    object_type: type,
    ...(subtype !== undefined && { object_subtype: subtype }),
    name: cut(value, longestName),
    description: descriptionOf(indicator, source, link),
    value,
    ...(link !== undefined && { reference_url: link }),
    source_name: source,
    severity: severityOf(indicator, options, settings),
  }))
}

/** Why it can't be sent, in words that follow "skipped:". */
export function refusalOf(
  { action, indicator, options }: Pick<Delivery, 'action' | 'indicator' | 'options'>,
  settings: InputSettings,
): string | undefined {
  const objects = objectsOf(indicator)
  if (objects.length === 0) {
    return indicator.type === 'file'
      ? 'the file has no MD5, SHA-1 or SHA-256'
      : `unsupported type ${indicator.type}`
  }
  if (action === 'upsert') return undefined
  if (!isQuotable(sourceOf(options, settings))) return unquotable('the name of the source')
  return objects.every(({ value }) => isQuotable(value)) ? undefined : unquotable('the value')
}

export function unquotable(what: string): string {
  return `${what} has a quote, a backslash or a control character, which Taegis' query language has no certain way to write: remove the entry in Taegis XDR by hand`
}

interface TaegisObject {
  readonly type: ObjectType
  readonly subtype?: ObjectSubtype
  readonly value: string
}

/** What Taegis has an entry for. */
export function objectsOf(indicator: Indicator): readonly TaegisObject[] {
  const { type, value } = indicator
  switch (type) {
    case 'ipv4':
    case 'ipv6':
      return [{ type: 'ip', subtype: type, value }]
    case 'domain':
    case 'url':
      return [{ type, value }]
    case 'file':
      return hashesOf(indicator)
    default:
      return []
  }
}

const hashLengths = { 32: 'md5', 40: 'sha1', 64: 'sha256' } as const

/** `md5`, `sha1` or `sha256` by its length. */
export function hashType(hash: string): ObjectSubtype | undefined {
  const { length } = hash
  return length === 32 || length === 40 || length === 64 ? hashLengths[length] : undefined
}

function hashesOf({ value, hashes = {} }: Indicator): readonly TaegisObject[] {
  const { md5, sha1, sha256 } = hashes
  const all = new Set([md5, sha1, sha256, canonicalHash(value)])
  return [...all].flatMap((hash) => {
    const subtype = hash === undefined ? undefined : hashType(hash)
    return hash === undefined || subtype === undefined
      ? []
      : [{ type: 'hash' as const, subtype, value: hash }]
  })
}

/** The score's own scale: 0 unknown, 1 good, 2 suspicious, 3 bad; the worst only where an analyst says so. */
function severityOf(
  { score, rating = 0 }: Indicator,
  options: PushOptions,
  settings: InputSettings,
): Severity {
  const asked = options.severity ?? settings.severity
  if (isSeverity(asked)) return asked
  if (score === 3 && rating >= 5) return 'CRITICAL'
  return (['INFO', 'LOW', 'MEDIUM', 'HIGH'] as const)[score]
}

function isSeverity(value: unknown): value is Severity {
  return typeof value === 'string' && /^(INFO|LOW|MEDIUM|HIGH|CRITICAL)$/.test(value)
}

/** Of the indicator in this server's API. */
function linkTo({ id }: Indicator, { linkBaseUrl }: InputSettings): string | undefined {
  return (
    linkBaseUrl && `${linkBaseUrl.replace(/(?<!\/)\/+$/, '')}/api/v1/indicators/${encodeURIComponent(id)}`
  )
}

/** Stands in every description. */
export function sourceLine(source: string): string {
  return `Source: ${source}`
}

function descriptionOf({ description }: Indicator, source: string, link: string | undefined): string {
  const lines = [sourceLine(source)]
  if (description !== undefined) lines.unshift(cut(description, longestDescription))
  if (link !== undefined) lines.push(`Link: ${link}`)
  return lines.join('\n')
}

/** Never in the middle of a character. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text
  const end = most - 1
  const splits = /[\uD800-\uDBFF]/.test(text.charAt(end - 1))
  return `${text.slice(0, splits ? end - 1 : end)}…`
}
