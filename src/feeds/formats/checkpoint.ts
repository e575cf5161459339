/** Check Point's CSV of indicators (`ioc_feeds`, SmartConsole): seven fields in each record, IPv4 only, networks as ranges. */
import type { Indicator, IndicatorType } from '../../model/indicator.ts'
import { type FeedAbout, type FeedEntry, indicatorOf } from '../feed-format.ts'
import { csvType, quoted } from './csv.ts'
import { fileHashes } from './file-hashes.ts'
import { addressReason, type Guards } from './guards.ts'
import { ipv4Span, ipv4Text } from './ip-number.ts'
import { guardsOf, partOptions } from './line-list.ts'
import { type Converted, encodeLines } from './lines.ts'
import { nameLine } from './names.ts'
import type { FormatDefinition, FormatOptions } from './options.ts'
import { type UrlRules, urlLine } from './urls.ts'

const url = { scheme: 'keep', slash: false, maxLength: 4000, wildcards: 'none', ipv6: false } as const
const ranges = 'as a range of addresses'

interface Observable {
  /** Distinguishes the observables of one indicator. */
  readonly suffix: string
  readonly type: string
  readonly value: string
}

interface Kept {
  readonly observables: readonly Observable[]
  readonly reason?: string
}

type Level = 'low' | 'medium' | 'high' | 'critical'

/** STIX 2.1's scale of confidence (appendix A), its highest class divided. Nothing said: low. */
function confidenceLevel({ confidence = 0 }: Indicator): Level {
  return confidence >= 90 ? 'critical' : confidence >= 70 ? 'high' : confidence >= 30 ? 'medium' : 'low'
}

/** ThreatAssess's own classes (200, 500, 800 of 1000) where it has a score, else the reputation. */
function severityLevel({ score, threatAssess }: Indicator): Level {
  const assessed = threatAssess?.score
  if (assessed === undefined) return score === 3 ? 'high' : score === 2 ? 'medium' : 'low'
  return assessed > 800 ? 'critical' : assessed > 500 ? 'high' : assessed > 200 ? 'medium' : 'low'
}

function records(entry: FeedEntry, options: FormatOptions, rules: UrlRules): Converted {
  const indicator = indicatorOf(entry)
  const found = observablesOf(indicator, options, rules)
  if ('drop' in found) return found
  const id = indicator.id.replace(/^indicator--/, '')
  const levels = `${confidenceLevel(indicator)},${severityLevel(indicator)},${options.product}`
  const comment = commentOf(indicator)
  const lines = found.observables.map(
    ({ suffix, type, value }) => `${id}${suffix},${quoted(value)},${type},${levels},${comment}`,
  )
  const keys = found.observables.map(({ value }) => value)
  const exact = keys.length === 1 && keys[0] === indicator.value
  return { lines, keys, ...(!exact && { reason: found.reason ?? 'each hash in a record of its own' }) }
}

/** Owners as plain words: nothing that another reader of CSV could take for a quote, a comma or a comment. */
function commentOf({ observations }: Indicator): string {
  const owners = new Set(observations.map(({ owner, source }) => owner ?? source))
  return [...owners]
    .join('; ')
    .replaceAll(/[^\w .;()-]+/g, ' ')
    .trim()
    .slice(0, 100)
    .trim()
}

function observablesOf(
  indicator: Indicator,
  options: FormatOptions,
  rules: UrlRules,
): Kept | { readonly drop: string } {
  const { type, value } = indicator
  switch (type) {
    case 'ipv4':
    case 'ipv6':
    case 'cidr':
      return address(value, rules.guards)
    case 'domain':
      return one('Domain', nameLine(value, 'base'))
    case 'url':
      return one('URL', urlLine(value, rules))
    case 'email':
      return one('Mail-from', value)
    case 'email-subject':
      return one('Mail-subject', value)
    default: {
      const observables = fileHashes(indicator)
        .filter(({ name }) => options.hashes.includes(name))
        .map(({ name, digest }) => ({ suffix: `-${name}`, type: name.toUpperCase(), value: digest }))
      return observables.length > 0
        ? { observables }
        : { drop: 'a file without a hash of the kind asked for' }
    }
  }
}

function one(type: string, converted: Converted): Kept | { readonly drop: string } {
  if (typeof converted === 'string') {
    return /[\p{Cc}\u2028\u2029]/u.test(converted)
      ? { drop: 'holds a control character or a line break' }
      : { observables: [{ suffix: '', type, value: converted }] }
  }
  if ('drop' in converted) return converted
  const observables = converted.lines.map((value) => ({ suffix: '', type, value }))
  return converted.reason === undefined ? { observables } : { observables, reason: converted.reason }
}

function address(value: string, guards: Guards): Kept | { readonly drop: string } {
  if (value.includes(':')) return { drop: 'IPv6, which the product does not take' }
  const reason = addressReason(value, guards)
  if (reason !== undefined) return { drop: reason }
  const { first, last } = ipv4Span(value)
  if (first === last) {
    const text = ipv4Text(first)
    const kept = { observables: [{ suffix: '', type: 'IP', value: text }] }
    return text === value ? kept : { ...kept, reason: 'a network of one address' }
  }
  return {
    observables: [{ suffix: '', type: 'IP Range', value: `${ipv4Text(first)}-${ipv4Text(last)}` }],
    reason: ranges,
  }
}

function head({ name, publicUrl }: FeedAbout): string {
  const reference = publicUrl === undefined ? '' : `#! REFERENCE = ${publicUrl}/feeds/${name}\r\n`
  return `#! DESCRIPTION = Feed ${name}\r\n${reference}# UNIQ-NAME,VALUE,TYPE,CONFIDENCE,SEVERITY,PRODUCT,COMMENT\r\n`
}

const types: readonly IndicatorType[] = ['ipv4', 'cidr', 'domain', 'url', 'email', 'file', 'email-subject']

export const checkpointProfile: FormatDefinition = {
  name: 'checkpoint-csv',
  about: 'Check Point indicators (`ioc_feeds`, SmartConsole)',
  extensions: ['csv'],
  types,
  possibleTypes: [...types, 'ipv6'],
  takes: [...partOptions, 'hash', 'product', 'strip_port', 'drop_invalid', 'url_truncate', 'min_prefix'],
  holds: ['no_tld', 'empty_comment'],
  build(options) {
    const rules: UrlRules = {
      ...url,
      guards: guardsOf(options),
      stripPort: options.stripPort,
      refusePort: options.dropInvalid && !options.stripPort,
      truncate: options.truncateUrls,
    }
    return {
      mediaType: csvType,
      needs: 'records',
      encode: (pages, about, recorder) =>
        encodeLines(pages, about, recorder, {
          convert: (entry) => records(entry, options, rules),
          lineEnd: '\r\n',
          // By value: one file's weaker hash can be another record's only one.
          unique: true,
          part: options,
          head,
        }),
    }
  },
}
