/** What each argument of a format takes: texts of the query to values of the options. */
import { allTypes, type IndicatorType } from '../../model/indicator.ts'
import { xsoarType } from '../../model/xsoar-type.ts'
import { csvFields, fieldNames, fieldOf } from './fields.ts'
import { type Field, type FormatOptions, hashNames, type OptionName, rpzPolicies } from './options.ts'

/** Types of entries, and of which family their networks are where only one is meant. */
export interface TypeChoice {
  readonly types: readonly IndicatorType[]
  readonly networks: 'both' | 'ipv4' | 'ipv6'
}

export type Parsed<T> = { readonly value: T } | { readonly takes: string }

type Reader = (texts: readonly string[]) => Parsed<Partial<FormatOptions>>

/** Flags without a value count as set, as XSOAR and MineMeld take them. */
export function readFlag(texts: readonly string[]): Parsed<boolean> {
  const [text = '', ...more] = texts
  if (more.length === 0) {
    if (/^(?:|1|true|yes|on)$/i.test(text)) return { value: true }
    if (/^(?:0|false|no|off)$/i.test(text)) return { value: false }
  }
  return { takes: 'true or false (or nothing, for true), once' }
}

function flag(set: (value: boolean) => Partial<FormatOptions>): Reader {
  return (texts) => {
    const parsed = readFlag(texts)
    return 'takes' in parsed ? parsed : { value: set(parsed.value) }
  }
}

function whole(minimum: number, maximum: number, set: (value: number) => Partial<FormatOptions>): Reader {
  return (texts) => {
    const [text = ''] = texts
    const value = Number(text)
    const fits = texts.length === 1 && /^\d{1,10}$/.test(text) && value >= minimum && value <= maximum
    return fits ? { value: set(value) } : { takes: `a whole number of ${minimum} to ${maximum}, once` }
  }
}

function oneOf<T extends string>(words: readonly T[], set: (value: T) => Partial<FormatOptions>): Reader {
  return (texts) => {
    const value = texts.length === 1 ? words.find((word) => word === texts[0]) : undefined
    return value === undefined ? { takes: `${words.join(' or ')}, once` } : { value: set(value) }
  }
}

/** Comma lists and repeated parameters are the same. */
function listOf(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => text.split(',')).map((text) => text.trim()))].filter(
    (text) => text !== '',
  )
}

const collapseWords: Readonly<Record<string, FormatOptions['collapse']>> = {
  none: 'none',
  '0': 'none',
  "Don't Collapse": 'none',
  ranges: 'ranges',
  '1': 'ranges',
  'To Ranges': 'ranges',
  networks: 'networks',
  '2': 'networks',
  'To CIDRS': 'networks',
}

function readCollapse(texts: readonly string[]): Parsed<Partial<FormatOptions>> {
  const [text = ''] = texts
  const collapse = texts.length === 1 && Object.hasOwn(collapseWords, text) ? collapseWords[text] : undefined
  return collapse === undefined
    ? { takes: 'none (0), ranges (1) or networks (2), once' }
    : { value: { collapse } }
}

/** `value`, or `value|name of the column`; `all`. */
function readFields(texts: readonly string[]): Parsed<Partial<FormatOptions>> {
  const fields: Field[] = []
  for (const text of listOf(texts)) {
    if (text === 'all') fields.push(...csvFields)
    else {
      const bar = text.indexOf('|')
      const name = bar < 0 ? text : text.slice(0, bar)
      const as = bar < 0 ? text : text.slice(bar + 1)
      const field = fieldOf(name)
      if (field === undefined || !/^[\w .:/-]{1,64}$/.test(as)) return { takes: fieldWords }
      fields.push({ field, as })
    }
  }
  return fields.length === 0 || fields.length > 64 ? { takes: fieldWords } : { value: { fields } }
}

const fieldWords = `all, or a list of ${fieldNames.join(', ')}, each with |name for another name of its column`

/** A word that needs no quotes in the lists of the products. */
const plainWord = /^[\w.-]{1,64}$/

function readCategories(texts: readonly string[]): Parsed<Partial<FormatOptions>> {
  const categories = listOf(texts)
  return categories.length <= 50 && categories.every((name) => plainWord.test(name))
    ? { value: { categories } }
    : { takes: 'a list of at most 50 tags of letters, digits, dots, hyphens and underscores' }
}

function readCategory(texts: readonly string[]): Parsed<Partial<FormatOptions>> {
  const [category = ''] = texts
  return texts.length === 1 && plainWord.test(category)
    ? { value: { category } }
    : { takes: 'one name of letters, digits, dots, hyphens and underscores' }
}

function readHashes(texts: readonly string[]): Parsed<Partial<FormatOptions>> {
  const names = listOf(texts)
  const hashes = hashNames.filter((name) => names.includes(name))
  return hashes.length > 0 && hashes.length === names.length
    ? { value: { hashes } }
    : { takes: `a list of ${hashNames.join(', ')}` }
}

/** Where clients are led: a name as a zone file has it, without a final dot. */
function readTarget(texts: readonly string[]): Parsed<Partial<FormatOptions>> {
  const [target = ''] = texts
  const fits = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+$/i.test(target) && target.length <= 253
  return texts.length === 1 && fits
    ? { value: { target: target.toLowerCase() } }
    : { takes: 'a host name such as garden.example.org, once' }
}

/** For each option but `type` how it is read; what is not well-formed is told by what it takes. */
export const optionReaders: Readonly<Record<Exclude<OptionName, 'type'>, Reader>> = {
  limit: whole(0, 100_000_000, (limit) => ({ limit })),
  offset: whole(0, 100_000_000, (offset) => ({ offset })),
  max_bytes: whole(0, 1_000_000_000, (maxBytes) => ({ maxBytes })),
  collapse: readCollapse,
  strip_port: flag((stripPort) => ({ stripPort })),
  strip_scheme: flag((stripScheme) => ({ stripScheme })),
  drop_invalid: flag((dropInvalid) => ({ dropInvalid })),
  url_truncate: flag((truncateUrls) => ({ truncateUrls })),
  slash: flag((slash) => ({ slash })),
  min_prefix: whole(0, 32, (minPrefix) => ({ minPrefix })),
  no_tld: flag((noTld) => ({ noTld })),
  fields: readFields,
  header: flag((header) => ({ header })),
  bom: flag((bom) => ({ bom })),
  as_text: flag((asText) => ({ asText })),
  empty_comment: flag((emptyComment) => ({ emptyComment })),
  list_type: oneOf(['string', 'ip'], (listType) => ({ listType })),
  category: readCategory,
  categories: readCategories,
  hash: readHashes,
  product: oneOf(['AV', 'AB'], (product) => ({ product })),
  policy: oneOf(rpzPolicies, (policy) => ({ policy })),
  target: readTarget,
  subdomains: flag((subdomains) => ({ subdomains })),
  tlp: oneOf(['1', '2'], (tlp) => ({ tlp: tlp === '1' ? 1 : 2 })),
}

/** XSOAR's names in lower case; of its two kinds of networks each has one family. */
const typesByName: ReadonlyMap<string, IndicatorType> = new Map([
  ...allTypes
    .filter((type) => type !== 'custom' && type !== 'cidr')
    .map((type) => [xsoarType({ type, value: '' }).toLowerCase(), type] as const),
  ...allTypes.map((type) => [type, type] as const),
])

/** Our names or XSOAR's, in any case; `CIDR` and `IPv6CIDR` as XSOAR writes them mean one family, `cidr` both. */
export function readTypes(texts: readonly string[]): Parsed<TypeChoice> {
  const found = new Set<IndicatorType>()
  const families = new Set<'ipv4' | 'ipv6'>()
  for (const name of listOf(texts)) {
    if (name === 'CIDR') families.add('ipv4')
    else if (name.toLowerCase() === 'ipv6cidr') families.add('ipv6')
    else {
      const type = typesByName.get(name.toLowerCase())
      if (type === undefined) return { takes: typeWords }
      found.add(type)
    }
  }
  if (found.size === 0 && families.size === 0) return { takes: typeWords }
  const [family] = families
  const networks = found.has('cidr') || families.size === 2 || family === undefined ? 'both' : family
  if (families.size > 0) found.add('cidr')
  return { value: { types: allTypes.filter((type) => found.has(type)), networks } }
}

const typeWords = `a list of ${allTypes.join(', ')}, or of XSOAR's names of them`
