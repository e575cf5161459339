/** Web proxies: Symantec (Blue Coat) ProxySG's local database, McAfee (Skyhigh) Web Gateway's subscribed lists. */
import type { IndicatorType } from '../../model/indicator.ts'
import { type FeedEntry, type FeedRecorder, indicatorOf } from '../feed-format.ts'
import { addresses } from './firewalls.ts'
import { addressReason, type Guards } from './guards.ts'
import { guardsOf, lineList, partOptions } from './line-list.ts'
import { type Converted, countRoom, encodeLines, type LineRules, sameLine } from './lines.ts'
import { nameLine } from './names.ts'
import { type FormatDefinition, type FormatOptions, type OptionName, plainText } from './options.ts'
import { type UrlRules, urlLine } from './urls.ts'

/** A name means its subdomains too; there are no wildcards. */
const proxysgUrl = { scheme: 'strip', slash: false, maxLength: 4000, wildcards: 'none', ipv6: false } as const
const mwgUrl = { scheme: 'keep', slash: false, maxLength: 4000, wildcards: 'none', ipv6: true } as const

const takes: readonly OptionName[] = [
  ...partOptions,
  'strip_port',
  'drop_invalid',
  'url_truncate',
  'min_prefix',
]

function urlRules(
  options: FormatOptions,
  rules: Omit<UrlRules, 'guards' | 'stripPort' | 'refusePort' | 'truncate'>,
) {
  return {
    ...rules,
    guards: guardsOf(options),
    stripPort: options.stripPort,
    refusePort: options.dropInvalid && !options.stripPort,
    truncate: options.truncateUrls,
  }
}

function webLine({ type, value }: FeedEntry, rules: UrlRules, guards: Guards): Converted {
  if (type === 'url') return urlLine(value, rules)
  if (type === 'domain') return nameLine(value, 'base')
  const reason = addressReason(value, guards)
  return reason === undefined ? value : { drop: reason }
}

function proxysg(options: FormatOptions): ReturnType<FormatDefinition['build']> {
  const rules = urlRules(options, proxysgUrl)
  const lineRules: LineRules = {
    convert: (entry) => webLine(entry, rules, rules.guards),
    lineEnd: '\n',
    unique: true,
    part: options,
    head: () => `define category ${options.category}\n`,
    tail: () => 'end\n',
  }
  const byTag = options.categories.length > 0
  return {
    mediaType: plainText,
    needs: byTag ? 'records' : 'values',
    encode: (pages, about, recorder) =>
      byTag
        ? byCategory(pages, recorder, options, lineRules)
        : encodeLines(pages, about, recorder, lineRules),
  }
}

/** A category for each of the tags asked for, and one for the rest. All lines are held: the categories come one after another. */
async function* byCategory(
  pages: AsyncIterable<readonly FeedEntry[]>,
  recorder: FeedRecorder,
  options: FormatOptions,
  { convert }: LineRules,
): AsyncGenerator<string, number, undefined> {
  const { category, categories } = options
  const lists = new Map<string, Set<string>>([category, ...categories].map((name) => [name, new Set()]))
  const room = countRoom(options, 1)
  for await (const page of pages) {
    for (const entry of page) {
      const converted = convert(entry)
      if (typeof converted !== 'string' && 'drop' in converted) {
        recorder.dropped(entry.value, converted.drop)
        continue
      }
      const [line = ''] = typeof converted === 'string' ? [converted] : converted.lines
      const { tags } = indicatorOf(entry)
      const own = categories.filter((name) => tags.includes(name))
      const targets = (own.length > 0 ? own : [category]).filter(
        (name) => lists.get(name)?.has(line) === false,
      )
      if (targets.length === 0) recorder.dropped(entry.value, sameLine)
      else if (typeof converted !== 'string' && converted.reason !== undefined) {
        recorder.changed(entry.value, line, converted.reason)
      }
      for (const name of targets) if (room.take(line)) lists.get(name)?.add(line)
    }
  }
  for (const [name, list] of lists) {
    if (list.size > 0 || name === category) {
      yield `define category ${name}\n${[...list].map((line) => `${line}\n`).join('')}end\n`
    }
  }
  if (room.left() > 0) recorder.truncated(room.left())
  return room.taken()
}

/** Inside of quotes; a backslash stands before a quote. */
function mwgQuoted(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, '\\$&').replaceAll(/[\s\p{Cc}]+/gu, ' ')}"`
}

function mwg(options: FormatOptions): ReturnType<FormatDefinition['build']> {
  const rules = urlRules(options, { ...mwgUrl, scheme: options.stripScheme ? 'strip' : 'keep' })
  const onlyAddresses = options.listType === 'ip'
  return lineList(
    options,
    {
      unique: true,
      head: () => `type=${options.listType}\n`,
      convert(entry) {
        if (onlyAddresses && !addresses.includes(entry.type))
          return { drop: 'not an address, as the list type asks for' }
        const converted = webLine(entry, rules, rules.guards)
        if (typeof converted !== 'string' && 'drop' in converted) return converted
        const [text = '', reason] =
          typeof converted === 'string' ? [converted] : [converted.lines[0], converted.reason]
        const sources = [...new Set(indicatorOf(entry).observations.map(({ source }) => source))]
        const line = `${mwgQuoted(text)} ${mwgQuoted(sources.join(','))}`
        return { lines: [line], keys: [text], ...(reason !== undefined && { reason }) }
      },
    },
    'records',
  )
}

const proxyTypes: readonly IndicatorType[] = ['url', 'domain', 'ipv4']
const gatewayTypes: readonly IndicatorType[] = ['url', 'domain', ...addresses]

export const proxysgProfile: FormatDefinition = {
  name: 'proxysg',
  about: 'Symantec (Blue Coat) ProxySG: `define category`',
  extensions: ['txt'],
  types: proxyTypes,
  takes: [...takes, 'category', 'categories'],
  holds: ['strip_scheme', 'no_tld', 'collapse', 'empty_comment'],
  build: proxysg,
}

export const mwgProfile: FormatDefinition = {
  name: 'mwg',
  about: 'McAfee (Skyhigh) Web Gateway subscribed list',
  extensions: ['txt'],
  types: gatewayTypes,
  takes: [...takes, 'strip_scheme', 'list_type'],
  holds: ['no_tld', 'empty_comment'],
  build: mwg,
}
