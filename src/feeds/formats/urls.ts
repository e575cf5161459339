/** URLs as the lists of firewalls and proxies take them. */
import { addressReason, type Guards, nameReason } from './guards.ts'
import { ipv4Number } from './ip-number.ts'
import type { Converted, Drop } from './lines.ts'
import { isDefaultPort, percentEncoded, splitUrl, type UrlParts } from './url-parts.ts'

export interface UrlRules {
  readonly guards: Guards
  readonly scheme: 'keep' | 'strip'
  /** Another port than the scheme's own goes too: the entry then means every port. */
  readonly stripPort: boolean
  /** URLs with a port that is not the scheme's own are left out. */
  readonly refusePort: boolean
  /** A host alone ends with a slash: it means this host, not names that begin like it, nor its subdomains. */
  readonly slash: boolean
  /** Characters at most. */
  readonly maxLength: number
  /** What is longer is cut, and so means more than one URL. */
  readonly truncate: boolean
  /** `tokens`: a `*` is a whole part between `. / ? & = ; +`; `labels`: a whole label of the host; `ends`: at the start or the end. */
  readonly wildcards: 'tokens' | 'labels' | 'ends' | 'none'
  readonly ipv6: boolean
}

const drops = {
  noHost: { drop: 'a URL without a host' },
  scheme: { drop: 'a URL that is not of the web' },
  host: { drop: 'a host that is neither a name nor an address' },
  ipv6: { drop: 'an IPv6 address as host, which the product does not take' },
  port: { drop: 'a URL with a port' },
  noPort: { drop: 'a port that does not exist' },
  backslash: { drop: 'holds a backslash, which browsers take for a slash' },
  control: { drop: 'holds a control character or a line break' },
  widened: { drop: 'without its user name or fragment it would be the whole host' },
  wildcard: { drop: 'a wildcard that the product does not take' },
} as const satisfies Record<string, Drop>

const fragmentCut = 'without its fragment, which no request holds'
const userCut = 'without its user name, which no request line holds'

/** Never a line that the product would take for something else than this URL: such a one is left out. */
export function urlLine(value: string, rules: UrlRules): Converted {
  const parts = splitUrl(value)
  if (parts === undefined) return drops.noHost
  const reason = refusal(value, parts, rules)
  if (reason !== undefined) return reason
  const { scheme, port, path } = parts
  const host = parts.host.endsWith('.') ? parts.host.slice(0, -1) : parts.host
  const bare = isDefaultPort(parts) || rules.stripPort
  const wholeHost = path === '' || path === '/'
  const tail = wholeHost ? (rules.slash ? '/' : path) : path.startsWith('?') ? `/${path}` : path
  // Brackets belong to addresses: nowhere else do all parsers take them.
  const encoded = percentEncoded(tail).replaceAll(/[[\]]/g, encodeURIComponent)
  let line = `${rules.scheme === 'strip' || scheme === '' ? '' : `${scheme}://`}${host}${bare ? '' : `:${port}`}${encoded}`
  if (!wildcardsFit(line, host, encoded, rules)) return drops.wildcard
  let why = changeReason(parts, encoded !== tail, port !== '' && bare && !isDefaultPort(parts), rules)
  if (line.length > rules.maxLength) {
    if (!rules.truncate) return { drop: `longer than ${rules.maxLength} characters` }
    line = line.slice(0, rules.maxLength).replace(/%[0-9a-fA-F]?$/, '')
    why = `cut to ${rules.maxLength} characters`
  }
  return line === value ? line : { lines: [line], reason: why }
}

function refusal(value: string, parts: UrlParts, rules: UrlRules): Drop | undefined {
  const { scheme, user, host, port, path, fragment } = parts
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https') return drops.scheme
  if (/\p{Cc}|[\u2028\u2029]/u.test(value)) return drops.control
  if (path.includes('\\')) return drops.backslash
  if (Number(port) > 65_535 || /^0+$/.test(port)) return drops.noPort
  if (rules.refusePort && port !== '' && !isDefaultPort(parts)) return drops.port
  const wholeHost = path === '' || path === '/'
  if (wholeHost && (user !== undefined || fragment.length > 1)) return drops.widened
  return hostRefusal(host, wholeHost, rules)
}

function hostRefusal(host: string, wholeHost: boolean, rules: UrlRules): Drop | undefined {
  if (host.startsWith('[')) {
    if (!rules.ipv6) return drops.ipv6
    const reason = addressReason(host.slice(1, -1), rules.guards)
    return reason === undefined ? undefined : { drop: reason }
  }
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  if (!/^[a-z0-9_*-]{1,63}(?:\.[a-z0-9_*-]{1,63})*$/.test(name)) return drops.host
  if (/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name)) {
    // Browsers take 127.1 and 2130706433 for addresses: what is not the dotted quad is a disguise.
    if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(name) || Number.isNaN(ipv4Number(name))) return drops.host
    const reason = addressReason(name, rules.guards)
    return reason === undefined ? undefined : { drop: reason }
  }
  const reason = nameReason(name)
  // A page of somebody's site under a public suffix is that page only.
  if (reason === undefined || (reason.startsWith('a public suffix') && !wholeHost && !name.includes('*'))) {
    return undefined
  }
  return { drop: reason }
}

function wildcardsFit(line: string, host: string, tail: string, { wildcards }: UrlRules): boolean {
  if (!line.includes('*')) return true
  switch (wildcards) {
    case 'tokens':
      return (
        !/\*[./?&=;+]+\*/.test(line) &&
        line.split(/[./?&=;+:]/).every((token) => token === '*' || !token.includes('*'))
      )
    case 'labels':
      return !tail.includes('*') && host.split('.').every((label) => label === '*' || !label.includes('*'))
    case 'ends':
      return /^(?:[a-z]+:\/\/)?(?:\*\.)?[^*]*\*?$/.test(line)
    case 'none':
      return false
  }
}

function changeReason(parts: UrlParts, encoded: boolean, portCut: boolean, { scheme }: UrlRules): string {
  if (parts.user !== undefined) return userCut
  if (parts.fragment !== '') return fragmentCut
  if (portCut) return 'without its port'
  if (encoded) return 'percent-encoded'
  return scheme === 'strip' && parts.scheme !== ''
    ? 'without its scheme'
    : 'as the product writes a host alone'
}
