/**
 * Lists of firewalls: Palo Alto Networks PAN-OS (external dynamic lists), Fortinet FortiGate (threat feeds), Cisco
 * Secure Firewall (Security Intelligence). One type a list, best first: each of them cuts a list at its end.
 */
import type { IndicatorType } from '../../model/indicator.ts'
import { type FeedEntry, indicatorOf } from '../feed-format.ts'
import { fileHashes } from './file-hashes.ts'
import { addressReason } from './guards.ts'
import { addressOptions, emptyComment, guardsOf, lineList, partOptions, urlOptions } from './line-list.ts'
import type { Converted } from './lines.ts'
import { nameLine } from './names.ts'
import type { FormatDefinition, FormatOptions, OptionName } from './options.ts'
import { type UrlRules, urlLine } from './urls.ts'

export const addresses: readonly IndicatorType[] = ['ipv4', 'ipv6', 'cidr']

const ipOptions: readonly OptionName[] = [...partOptions, ...addressOptions, 'empty_comment']
export const nameOptions: readonly OptionName[] = [...partOptions, 'empty_comment']

function empty(options: FormatOptions): { readonly empty?: string } {
  return options.emptyComment ? { empty: emptyComment } : {}
}

/** Addresses and networks as they are, but for those that must never be blocked. */
function addressList(options: FormatOptions): ReturnType<typeof lineList> {
  const guards = guardsOf(options)
  return lineList(options, {
    ...empty(options),
    convert: ({ value }) => {
      const reason = addressReason(value, guards)
      return reason === undefined ? value : { drop: reason }
    },
  })
}

function nameList(options: FormatOptions, globs: 'both' | 'base'): ReturnType<typeof lineList> {
  return lineList(options, {
    ...empty(options),
    // The base of a wildcard may be listed by itself.
    unique: true,
    convert: ({ value }) => nameLine(value, globs),
  })
}

/** URLs, and domains where they are asked for: hosts alone. */
function urlList(
  options: FormatOptions,
  rules: Omit<UrlRules, 'guards' | 'stripPort' | 'refusePort' | 'truncate'>,
) {
  const all: UrlRules = {
    ...rules,
    guards: guardsOf(options),
    stripPort: options.stripPort,
    refusePort: options.dropInvalid && !options.stripPort,
    truncate: options.truncateUrls,
    slash: rules.slash && options.slash,
  }
  return lineList(options, {
    ...empty(options),
    // http:// and https:// give one line.
    unique: true,
    convert: ({ type, value }) => (type === 'domain' ? hostLine(value, all) : urlLine(value, all)),
  })
}

/** A domain among URLs: its host alone. */
function hostLine(name: string, rules: UrlRules): Converted {
  const names = nameLine(name, 'both')
  if (typeof names === 'string') return urlLine(names, rules)
  if ('drop' in names) return names
  const lines = names.lines.flatMap((one) => {
    const line = urlLine(one, rules)
    return typeof line === 'string' ? [line] : 'drop' in line ? [] : line.lines
  })
  return { ...names, lines }
}

/** Each hash of a file on a line of its own. */
function hashList(options: FormatOptions) {
  return lineList(
    options,
    {
      ...empty(options),
      // One file's weaker hash can be another record's only one.
      unique: true,
      convert: (entry) => hashLines(entry, options),
    },
    'records',
  )
}

function hashLines(entry: FeedEntry, options: FormatOptions): Converted {
  const lines = fileHashes(indicatorOf(entry))
    .filter(({ name }) => options.hashes.includes(name))
    .map(({ digest }) => digest)
  if (lines.length === 0) return { drop: 'a file without a hash of the kind asked for' }
  return lines.length === 1 && lines[0] === entry.value
    ? entry.value
    : { lines, reason: 'each hash on its own line' }
}

const panosUrl = { scheme: 'strip', slash: true, maxLength: 255, wildcards: 'tokens', ipv6: false } as const
const fortigateUrl = { scheme: 'keep', slash: false, maxLength: 4000, wildcards: 'ends', ipv6: true } as const
/** `x.example` means its subdomains too, `x.example/` this host alone; no IPv6, no wildcard after the host. */
const ciscoUrl = { scheme: 'keep', slash: true, maxLength: 2048, wildcards: 'labels', ipv6: false } as const

const urlTakes: readonly OptionName[] = [
  ...partOptions,
  'strip_port',
  'drop_invalid',
  'url_truncate',
  'slash',
  'min_prefix',
  'empty_comment',
]
const webTypes: readonly IndicatorType[] = ['url', 'domain']

export const panosUrlProfile: FormatDefinition = {
  name: 'panos-url',
  about: 'PAN-OS external dynamic list of type URL',
  extensions: ['txt'],
  types: ['url'],
  possibleTypes: webTypes,
  takes: urlTakes,
  holds: ['strip_scheme', 'no_tld', 'collapse'],
  build: (options) => urlList(options, panosUrl),
}

export const firewallProfiles: readonly FormatDefinition[] = [
  {
    name: 'panos-ip',
    about: 'PAN-OS external dynamic list of type IP',
    extensions: ['txt'],
    types: addresses,
    takes: ipOptions,
    holds: [...urlOptions, 'no_tld'],
    build: addressList,
  },
  {
    name: 'panos-domain',
    about: 'PAN-OS external dynamic list of type Domain',
    extensions: ['txt'],
    types: ['domain'],
    takes: nameOptions,
    holds: [...urlOptions, ...addressOptions, 'no_tld'],
    build: (options) => nameList(options, 'both'),
  },
  panosUrlProfile,
  {
    name: 'fortigate-ip',
    about: 'FortiGate threat feed of IP addresses',
    extensions: ['txt'],
    types: addresses,
    takes: ipOptions,
    holds: [...urlOptions, 'no_tld'],
    build: addressList,
  },
  {
    name: 'fortigate-domain',
    about: 'FortiGate threat feed of domain names',
    extensions: ['txt'],
    types: ['domain'],
    takes: nameOptions,
    holds: [...urlOptions, ...addressOptions, 'no_tld'],
    build: (options) => nameList(options, 'both'),
  },
  {
    name: 'fortigate-url',
    about: 'FortiGate threat feed of a FortiGuard category',
    extensions: ['txt'],
    types: ['url'],
    possibleTypes: webTypes,
    takes: [...urlTakes, 'strip_scheme'],
    holds: ['no_tld', 'collapse'],
    build: (options) => urlList(options, { ...fortigateUrl, scheme: options.stripScheme ? 'strip' : 'keep' }),
  },
  {
    name: 'fortigate-hash',
    about: 'FortiGate threat feed of malware hashes',
    extensions: ['txt'],
    types: ['file'],
    takes: [...nameOptions, 'hash'],
    holds: [...urlOptions, ...addressOptions, 'no_tld'],
    build: hashList,
  },
  {
    name: 'cisco-si-ip',
    about: 'Cisco Security Intelligence network feed',
    noRanges: true,
    extensions: ['txt'],
    types: addresses,
    takes: ipOptions,
    holds: [...urlOptions, 'no_tld'],
    build: addressList,
  },
  {
    name: 'cisco-si-dns',
    about: 'Cisco Security Intelligence DNS feed',
    extensions: ['txt'],
    types: ['domain'],
    takes: nameOptions,
    holds: [...urlOptions, ...addressOptions, 'no_tld'],
    // A name means its subdomains as well.
    build: (options) => nameList(options, 'base'),
  },
  {
    name: 'cisco-si-url',
    about: 'Cisco Security Intelligence URL feed',
    extensions: ['txt'],
    types: ['url'],
    possibleTypes: webTypes,
    takes: [...urlTakes, 'strip_scheme'],
    holds: ['no_tld', 'collapse'],
    build: (options) => urlList(options, { ...ciscoUrl, scheme: options.stripScheme ? 'strip' : 'keep' }),
  },
]
