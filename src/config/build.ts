/** From the checked file to what the program works with. */

import { scoreOfReputation } from '../model/score.ts'
import { storeFolder } from './formats.ts'
import { digestsOf } from './key-checks.ts'
import type {
  BridgeConfig,
  BridgeEndConfig,
  Config,
  Expiration,
  ExporterConfig,
  KeyConfig,
  RetryConfig,
  SourceConfig,
  StoreConfig,
  TlsConfig,
} from './model.ts'
import type { FileConfig } from './schema.ts'

type Source = FileConfig['sources'][number]
type Exporter = FileConfig['exporters'][number]
type Bridge = FileConfig['bridges'][number]

/** Shorter values would take ordinary words out of the log. */
const minRedactedLength = 6

/** @param readFile gives a file's content; every path in it was read before */
export function buildConfig(
  file: FileConfig,
  secrets: Iterable<string>,
  readFile: (path: string) => string,
): Config {
  const { publicUrl, trustProxy, drain, ...server } = file.server
  return frozen({
    server: {
      ...server,
      drainMs: drain,
      trustProxy: typeof trustProxy === 'boolean' ? trustProxy : trustProxy.join(','),
      ...(publicUrl !== undefined && { publicUrl: publicUrl.replace(/(?<!\/)\/+$/, '') }),
    },
    auth: { keys: buildKeys(file.auth.keys) },
    store: buildStore(file.store),
    log: file.log,
    outbound: file.outbound,
    sources: file.sources.map((source) => buildSource(source, readFile)),
    exclusions: file.exclusions,
    feeds: file.feeds,
    exporters: file.exporters.map((exporter) => buildExporter(exporter, readFile)),
    bridges: file.bridges.map((bridge) => buildBridge(bridge, readFile)),
    secrets: [...secrets].filter((secret) => secret.length >= minRedactedLength),
  })
}

/** Entries of one id are one key with all their secrets. */
function buildKeys(keys: FileConfig['auth']['keys']): KeyConfig[] {
  const byId = Map.groupBy(keys, ({ id }) => id)
  return [...byId].map(([id, entries]) => ({
    id,
    digests: [...new Set(entries.flatMap((entry) => digestsOf(entry).map(([, digest]) => digest)))],
    scopes: [...new Set(entries.flatMap(({ scopes }) => scopes))],
  }))
}

function buildStore({ url, binaries }: FileConfig['store']): StoreConfig {
  const folder = url.startsWith('file:') ? storeFolder(url, '/') : undefined
  if (folder === undefined) return { kind: 'postgres', url }
  return { kind: 'embedded', url, folder, ...(binaries !== undefined && { binaries }) }
}

function buildSource(source: Source, readFile: (path: string) => string): SourceConfig {
  const { every, timeout, retry, reputation, expiration, tls, ...rest } = source
  const score = scoreOfReputation(reputation)
  return {
    ...rest,
    everyMs: every,
    ...(score !== undefined && { reputation: score }),
    expiration: buildExpiration(expiration),
    retry: buildRetry(retry),
    timeoutMs: timeout,
    tls: buildTls(tls, readFile),
  }
}

function buildExpiration({ policy, after = 0, byType = {} }: Source['expiration']): Expiration {
  if (policy === 'interval') return { policy, afterMs: after }
  if (policy !== 'byType') return { policy }
  const { default: defaultMs, ...byTypeMs } = byType
  return { policy, byTypeMs, ...(defaultMs !== undefined && { defaultMs }) }
}

function buildRetry({ attempts, initial, max }: Source['retry']): RetryConfig {
  return { attempts, initialMs: initial, maxMs: max }
}

function buildTls({ caFile, insecure }: Source['tls'], readFile: (path: string) => string): TlsConfig {
  return caFile === '' ? { insecure } : { caFile, ca: readFile(caFile), insecure }
}

function buildExporter(exporter: Exporter, readFile: (path: string) => string): ExporterConfig {
  const { retry, timeout, tls, ...rest } = exporter
  return {
    ...rest,
    retry: buildRetry(retry),
    timeoutMs: timeout,
    tls: buildTls(tls, readFile),
  }
}

function buildBridge(
  { ticketDesk, incidentSink, retry, ...rest }: Bridge,
  readFile: (path: string) => string,
): BridgeConfig {
  const end = ({ tls, timeout, ...rest }: Bridge['ticketDesk']): BridgeEndConfig => ({
    ...rest,
    timeoutMs: timeout,
    tls: buildTls(tls, readFile),
  })
  return { ...rest, ticketDesk: end(ticketDesk), incidentSink: end(incidentSink), retry: buildRetry(retry) }
}

/** Nobody changes what all share. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) frozen(member)
  }
  return value
}
