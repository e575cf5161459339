/** Name servers: hosts files, and response policy zones (RPZ, draft-vixie-dnsop-dns-rpz) for BIND, Unbound, PowerDNS, Knot. */
import type { FeedAbout, FeedEntry } from '../feed-format.ts'
import { addresses, nameOptions } from './firewalls.ts'
import { addressReason, type Guards, nameReason } from './guards.ts'
import { ipv4Number, ipv6Number, prefixLength } from './ip-number.ts'
import { addressOptions, emptyComment, guardsOf, lineList, partOptions, urlOptions } from './line-list.ts'
import type { Converted, Drop } from './lines.ts'
import { nameLine } from './names.ts'
import type { FormatDefinition, FormatOptions, RpzPolicy } from './options.ts'

/** Names are relative to the zone's, which is not known here: room for it. */
const longestName = 200
const tooLong: Drop = { drop: 'a name too long for a response policy zone' }
const innerWildcard: Drop = { drop: 'a wildcard that the product does not take' }

const actions: Readonly<Record<Exclude<RpzPolicy, 'local-data'>, string>> = {
  nxdomain: 'CNAME .',
  nodata: 'CNAME *.',
  drop: 'CNAME rpz-drop.',
  passthru: 'CNAME rpz-passthru.',
  'tcp-only': 'CNAME rpz-tcp-only.',
}

function actionOf({ policy, target }: FormatOptions): string {
  return policy === 'local-data' ? `CNAME ${target}.` : actions[policy]
}

/** The serial grows with every change of the content, and is the same for the same content. */
export function serialOf(changedAt: string): number {
  const seconds = Math.floor(Date.parse(changedAt) / 1000)
  return Number.isNaN(seconds) ? 1 : seconds % 2 ** 32
}

function zoneHead({ changedAt }: FeedAbout): string {
  return `$TTL 300\n@ IN SOA localhost. root.localhost. ${serialOf(changedAt)} 300 60 86400 60\n@ IN NS localhost.\n`
}

function zoneLine(
  { type, value }: FeedEntry,
  options: FormatOptions,
  guards: Guards,
  action: string,
): Converted {
  if (type === 'domain') return nameRecords(value, options, action)
  const reason = addressReason(value, guards)
  return reason === undefined ? { lines: [`${rpzAddress(value)} ${action}`] } : { drop: reason }
}

function nameRecords(value: string, { subdomains }: FormatOptions, action: string): Converted {
  const reason = nameReason(value)
  if (reason !== undefined) return { drop: reason }
  const glob = value.startsWith('*.')
  const base = glob ? value.slice(2) : value
  if (base.includes('*')) return innerWildcard
  if (base.length > longestName) return tooLong
  const both = [`${base} ${action}`, `*.${base} ${action}`]
  if (glob) return { lines: both, reason: 'a wildcard and the name itself' }
  return { lines: subdomains ? both : both.slice(0, 1) }
}

/** Prefix length, then the address backwards; `zz` is the `::` of IPv6. */
export function rpzAddress(value: string): string {
  const prefix = prefixLength(value)
  const text = value.split('/')[0] ?? ''
  if (!text.includes(':')) {
    const number = ipv4Number(text)
    return `${prefix}.${[0, 8, 16, 24].map((bits) => (number >>> bits) & 255).join('.')}.rpz-ip`
  }
  const number = ipv6Number(text)
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((number >> BigInt(16 * index)) & 0xffffn).toString(16),
  )
  return `${prefix}.${shortened(groups).join('.')}.rpz-ip`
}

/** The longest run of zeros as `zz`, where it is longer than one. */
function shortened(groups: readonly string[]): readonly string[] {
  const zeros = groups.map((group) => (group === '0' ? '0' : 'x')).join('')
  const longest = (zeros.match(/0{2,}/g) ?? []).toSorted((a, b) => b.length - a.length)[0]
  if (longest === undefined) return groups
  // BIND complains of names that are not canonical: of equally long runs it takes the last one here.
  const start = zeros.lastIndexOf(longest)
  return [...groups.slice(0, start), 'zz', ...groups.slice(start + longest.length)]
}

export const nameServerProfiles: readonly FormatDefinition[] = [
  {
    name: 'hosts',
    about: 'Hosts file: `0.0.0.0 name`',
    extensions: ['txt'],
    types: ['domain'],
    takes: nameOptions,
    holds: [...urlOptions, ...addressOptions, 'no_tld'],
    build: (options) =>
      lineList(options, {
        unique: true,
        ...(options.emptyComment ? { empty: emptyComment } : {}),
        convert({ value }) {
          const line = nameLine(value, 'base')
          if (typeof line === 'string') return { lines: [`0.0.0.0 ${line}`], keys: [line] }
          if ('drop' in line) return line
          return { ...line, lines: line.lines.map((name) => `0.0.0.0 ${name}`), keys: line.lines }
        },
      }),
  },
  {
    name: 'rpz',
    about: 'Response policy zone for name servers',
    extensions: ['txt'],
    types: ['domain', ...addresses],
    takes: [...partOptions, 'min_prefix', 'policy', 'target', 'subdomains'],
    holds: [...urlOptions, 'no_tld', 'empty_comment'],
    build(options) {
      const guards = guardsOf(options)
      const action = actionOf(options)
      return lineList(options, {
        unique: true,
        head: zoneHead,
        convert: (entry) => zoneLine(entry, options, guards, action),
      })
    },
  },
]
