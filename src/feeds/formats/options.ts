/** The arguments of all formats, by their own names; each format's definition says which of them it takes. */
import type { IndicatorType } from '../../model/indicator.ts'
import type { FeedFormat } from '../feed-format.ts'
import type { Collapse } from './collapse.ts'
import { type Part, whole } from './lines.ts'

export const extensions = ['json', 'ndjson', 'csv', 'txt', 'stix.json', 'misp.json'] as const
export type Extension = (typeof extensions)[number]

/** A column of CSV or member of JSON, and what it is called. */
export interface Field {
  readonly field: string
  readonly as: string
}

export type HashName = 'md5' | 'sha1' | 'sha256'
export const hashNames: readonly HashName[] = ['md5', 'sha1', 'sha256']

export const rpzPolicies = ['nxdomain', 'nodata', 'drop', 'passthru', 'tcp-only', 'local-data'] as const
export type RpzPolicy = (typeof rpzPolicies)[number]

export interface FormatOptions extends Part {
  readonly collapse: Collapse
  readonly stripPort: boolean
  readonly stripScheme: boolean
  /** Left out rather than mended: URLs with ports, and lines that the product of the list does not take. */
  readonly dropInvalid: boolean
  readonly truncateUrls: boolean
  readonly slash: boolean
  /** IPv4 networks wider than this are left out; 0: the format's own rule. */
  readonly minPrefix: number
  /** `*.x.example` is listed with `x.example`, as XSOAR's lists do; no argument of its own. */
  readonly expandGlobs: boolean
  /** Names under which anybody registers, as wildcards, are left out. */
  readonly noTld: boolean
  /** Empty: the format's own. */
  readonly fields: readonly Field[]
  readonly header: boolean
  readonly bom: boolean
  /** CSV is shown, not downloaded: `text/plain`. */
  readonly asText: boolean
  readonly emptyComment: boolean
  readonly listType: 'string' | 'ip'
  readonly category: string
  /** Tags that are categories of their own. */
  readonly categories: readonly string[]
  readonly hashes: readonly HashName[]
  readonly product: 'AV' | 'AB'
  readonly policy: RpzPolicy
  /** Where `local-data` leads. */
  readonly target: string
  readonly subdomains: boolean
  /** Version of the TLP markings of STIX. */
  readonly tlp: 1 | 2
}

export const defaultOptions: FormatOptions = {
  ...whole,
  collapse: 'none',
  stripPort: false,
  stripScheme: false,
  dropInvalid: false,
  truncateUrls: false,
  slash: true,
  minPrefix: 0,
  expandGlobs: false,
  noTld: false,
  fields: [],
  header: true,
  bom: false,
  asText: false,
  emptyComment: true,
  listType: 'string',
  category: 'bc_category',
  categories: [],
  hashes: hashNames,
  product: 'AV',
  policy: 'nxdomain',
  target: '',
  subdomains: true,
  tlp: 2,
}

/** Names of arguments as users write them. */
export const optionNames = [
  'type',
  'limit',
  'offset',
  'max_bytes',
  'collapse',
  'strip_port',
  'strip_scheme',
  'drop_invalid',
  'url_truncate',
  'slash',
  'min_prefix',
  'no_tld',
  'fields',
  'header',
  'bom',
  'as_text',
  'empty_comment',
  'list_type',
  'category',
  'categories',
  'hash',
  'product',
  'policy',
  'target',
  'subdomains',
  'tlp',
] as const
export type OptionName = (typeof optionNames)[number]

export interface FormatDefinition {
  /** The profile's name, or the extension of a format without one. */
  readonly name: string
  /** One line for users. */
  readonly about: string
  /** The first is the one of a request that names none. */
  readonly extensions: readonly Extension[]
  /** Listed unless `type` says otherwise; absent: every type. */
  readonly types?: readonly IndicatorType[]
  /** What `type` can choose; absent: `types`. */
  readonly possibleTypes?: readonly IndicatorType[]
  readonly takes: readonly OptionName[]
  /** Taken and without effect: what they ask for holds in this list anyway. */
  readonly holds: readonly OptionName[]
  /** What is otherwise in this format where nothing is said. */
  readonly defaults?: Partial<FormatOptions>
  /** Of `takes`, those that are taken with one of the extensions alone. */
  readonly onlyWith?: Partial<Readonly<Record<OptionName, Extension>>>
  /** The product knows no ranges of addresses. */
  readonly noRanges?: true
  build(options: FormatOptions, extension: Extension): Pick<FeedFormat, 'mediaType' | 'needs' | 'encode'>
}

export const plainText = 'text/plain; charset=utf-8'
