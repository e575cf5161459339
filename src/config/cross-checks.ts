/** What only several values together can tell: names that clash or lead nowhere, halves without the other half. */
import ipaddr from 'ipaddr.js'
import { type CheckContext, isReadable, named, nodeAt, report, reportWord } from './check-context.ts'
import { checkKeys } from './key-checks.ts'
import type { FileConfig } from './schema.ts'

/** Works on stand-ins too, where a value was already reported. */
export function crossCheck(file: FileConfig, context: CheckContext): void {
  for (const section of ['sources', 'feeds', 'exporters', 'bridges'] as const) {
    checkNames(section, file[section], context)
  }
  checkAddresses('server.trustProxy', file.server.trustProxy, addressNames, context)
  checkAddresses('outbound.allowPrivate', file.outbound.allowPrivate, [], context)
  checkKeys(file, context)
  for (const [index, source] of file.sources.entries()) {
    const path = `sources[${index}]`
    checkExpiration(source.expiration, `${path}.expiration`, context)
    checkOutbound(source, path, context)
  }
  for (const [index, feed] of file.feeds.entries()) {
    checkFeedName(feed.name, `feeds[${index}].name`, context)
    checkSources(feed.sources, `feeds[${index}].sources`, file, context)
  }
  for (const [index, exporter] of file.exporters.entries()) {
    const path = `exporters[${index}]`
    checkOutbound(exporter, path, context)
    if (exporter.forward !== null)
      checkSources(exporter.forward.sources, `${path}.forward.sources`, file, context)
  }
  for (const [index, bridge] of file.bridges.entries()) {
    checkOutbound(bridge.ticketDesk, `bridges[${index}].ticketDesk`, context)
    checkOutbound(bridge.incidentSink, `bridges[${index}].incidentSink`, context)
  }
}

function checkNames(
  section: string,
  items: readonly { readonly name: string }[],
  context: CheckContext,
): void {
  const first = new Map<string, number>()
  for (const [index, { name }] of items.entries()) {
    const before = first.get(name)
    if (before === undefined) first.set(name, index)
    else if (name !== '') {
      const path = `${section}[${index}].name`
      report(path, `takes a name of its own; "${name}" is the name of ${section}[${before}]`, context)
    }
  }
}

/** `/feeds/block.json` and `/feeds/block.stix.json` would be two feeds' address. */
function checkFeedName(name: string, path: string, context: CheckContext): void {
  const [extension] = /\.(?:json|ndjson|csv|txt|stix|misp)$/i.exec(name) ?? []
  if (extension !== undefined) {
    report(
      path,
      `takes a name that does not end in ${extension}: that stands for a format in the address`,
      context,
    )
  }
}

function checkSources(
  names: readonly string[],
  path: string,
  { sources }: FileConfig,
  context: CheckContext,
): void {
  if (!isReadable('sources', 'list', context)) return
  const known = sources.map(({ name }) => name)
  for (const [index, name] of names.entries()) {
    if (name === '' || known.includes(name)) continue
    reportWord(`${path}[${index}]`, `the name of a source (${named(sources)})`, known, context)
  }
}

/** Names that Fastify's proxy-addr knows. */
const addressNames = ['loopback', 'linklocal', 'uniquelocal']

function checkAddresses(
  path: string,
  addresses: boolean | readonly string[],
  names: readonly string[],
  context: CheckContext,
): void {
  if (typeof addresses === 'boolean' || addresses === null) return
  const takes = `addresses and CIDRs${names.length === 0 ? '' : ` (or ${names.join(', ')})`}`
  for (const [index, text] of addresses.entries()) {
    if (text === '' || names.includes(text) || ipaddr.isValid(text) || ipaddr.isValidCIDR(text)) continue
    reportWord(`${path}[${index}]`, takes, names, context)
  }
}

interface Outbound {
  readonly retry?: { readonly initial: number; readonly max: number }
  readonly tls: { readonly caFile: string; readonly insecure: boolean }
}

function checkOutbound({ retry, tls }: Outbound, path: string, context: CheckContext): void {
  // 0 stands for a value that was already reported.
  if (retry !== undefined && retry.max !== 0 && retry.max < retry.initial) {
    report(`${path}.retry.max`, 'takes at least as long as retry.initial', context)
  }
  if (tls.caFile !== '' && !context.readFile(tls.caFile).includes('-----BEGIN CERTIFICATE-----')) {
    report(`${path}.tls.caFile`, 'takes a file of certificates in PEM form; this file has none', context)
  }
  if (tls.insecure) {
    const place = nodeAt(`${path}.tls.insecure`, context).at
    context.warn(
      place,
      `${path}.tls.insecure`,
      'certificates are not checked: anybody on the way can read and change everything',
    )
  }
}

function checkExpiration(
  { policy, after, byType }: FileConfig['sources'][number]['expiration'],
  path: string,
  context: CheckContext,
): void {
  const needed = { interval: 'after', byType: 'byType' } as const
  const given = { after: after !== undefined, byType: byType !== undefined }
  const want = policy === 'interval' || policy === 'byType' ? needed[policy] : undefined
  if (want !== undefined && !given[want]) {
    const takes = want === 'after' ? 'a duration such as 30d' : 'a map such as { ipv4: 14d, default: 30d }'
    report(`${path}.${want}`, `is missing; policy ${policy} takes ${takes}`, context)
  }
  if (want === 'byType' && byType !== undefined && Object.keys(byType).length === 0) {
    report(`${path}.byType`, 'takes at least one type, or default', context)
  }
  for (const key of ['after', 'byType'] as const) {
    if (!given[key] || key === want || !policy) continue
    const owner = key === 'after' ? 'interval' : 'byType'
    report(`${path}.${key}`, `goes with policy ${owner}; the policy is ${policy}`, context)
  }
}
