/** `.txt` without a profile: exact lines, and XSOAR's and MineMeld's arguments for those who ask for them. */
import type { FeedEntry } from '../feed-format.ts'
import { nameReason } from './guards.ts'
import { emptyComment, lineList, partOptions } from './line-list.ts'
import type { Converted } from './lines.ts'
import type { FormatDefinition, FormatOptions } from './options.ts'
import { exactLine } from './text.ts'
import { isDefaultPort, splitUrl } from './url-parts.ts'

/** XSOAR cuts here: PAN-OS takes 255 characters. */
const longestUrl = 254

export const textFormat: FormatDefinition = {
  name: 'txt',
  about: 'One canonical value a line, exact',
  extensions: ['txt'],
  takes: [
    ...partOptions,
    'collapse',
    'strip_port',
    'strip_scheme',
    'drop_invalid',
    'url_truncate',
    'min_prefix',
    'no_tld',
    'empty_comment',
  ],
  holds: [],
  // A reader of plain values would take the comment for one: only where it is asked for.
  defaults: { emptyComment: false },
  build: (options) => {
    const changesUrls =
      options.stripPort || options.stripScheme || options.truncateUrls || options.dropInvalid
    const plain = !changesUrls && options.minPrefix === 0 && !options.noTld && !options.expandGlobs
    return lineList(options, {
      convert: plain ? exactLine : (entry) => changedLine(entry, options),
      unique: changesUrls || options.expandGlobs,
      ...(options.emptyComment ? { empty: emptyComment } : {}),
    })
  },
}

function changedLine(entry: FeedEntry, options: FormatOptions): Converted {
  const line = exactLine(entry)
  if (typeof line !== 'string') return line
  switch (entry.type) {
    case 'url':
      return strippedUrl(line, options)
    case 'domain': {
      const reason = options.noTld && line.includes('*') ? nameReason(line) : undefined
      if (reason !== undefined) return { drop: reason }
      const glob = options.expandGlobs && line.startsWith('*.')
      return glob ? { lines: [line.slice(2), line], reason: 'a wildcard and the name itself' } : line
    }
    case 'cidr': {
      const reason = widthReason(line, options.minPrefix)
      return reason === undefined ? line : { drop: reason }
    }
    default:
      return line
  }
}

/** XSOAR's limit holds for both kinds of networks, as there. */
function widthReason(network: string, minPrefix: number): string | undefined {
  return Number(network.slice(network.indexOf('/') + 1)) < minPrefix
    ? `a network wider than /${minPrefix}`
    : undefined
}

function strippedUrl(url: string, options: FormatOptions): Converted {
  const parts = splitUrl(url)
  if (parts === undefined) return options.dropInvalid ? { drop: 'a URL without a host' } : url
  const ownPort = !isDefaultPort(parts)
  if (options.dropInvalid) {
    if (ownPort && !options.stripPort) return { drop: 'a URL with a port' }
    const tokens = url.split(/[./+=?&]/)
    if (tokens.some((token) => token !== '*' && token.includes('*'))) {
      return { drop: 'a wildcard that the product does not take' }
    }
  }
  let line = url
  let reason = ''
  if (options.stripPort && parts.port !== '') {
    // From the end: a user can look like the host and its port.
    const end = line.length - parts.fragment.length - parts.path.length
    line = line.slice(0, end - parts.port.length - 1) + line.slice(end)
    reason = 'without its port'
  }
  if (options.stripScheme && parts.scheme !== '') {
    line = line.slice(parts.scheme.length + 3)
    reason = 'without its scheme'
  }
  if (line.length > longestUrl && (options.truncateUrls || options.dropInvalid)) {
    if (!options.truncateUrls) return { drop: `longer than ${longestUrl} characters` }
    line = line.slice(0, longestUrl).toWellFormed()
    reason = `cut to ${longestUrl} characters`
  }
  return reason === '' ? line : { lines: [line], reason }
}
