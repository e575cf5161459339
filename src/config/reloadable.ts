/**
 * What a running server can take from its configuration anew, and what has to wait for a restart. Pure.
 *
 * A connector is taken anew with other credentials or another way to its product, and only where nothing else of its
 * settings changed: a new secret is never sent to an old address.
 */
import { differences, type SettingPath, withTaken } from './difference.ts'
import type { LoadedConfig, Registries } from './load.ts'
import type { TlsConfig } from './model.ts'

/** What the server runs with, to compare with: secrets are in it. */
export type RunningSettings = Image

export type Renewal =
  | { readonly part: 'source'; readonly name: string }
  | { readonly part: 'exporter'; readonly name: string }
  | { readonly part: 'bridge'; readonly name: string; readonly end: 'ticketDesk' | 'incidentSink' }

export interface Sorted {
  readonly applied: readonly SettingPath[]
  readonly restart: readonly SettingPath[]
  /** Connectors that are to be made anew. */
  readonly renewals: readonly Renewal[]
  /** What the server runs with once it is applied. */
  readonly running: RunningSettings
}

export function runningSettings(loaded: Pick<LoadedConfig, 'given' | 'config'>): RunningSettings {
  return imageOf(loaded)
}

export function sortChanges(
  running: RunningSettings,
  loaded: Pick<LoadedConfig, 'given' | 'config'>,
  registries: Registries,
): Sorted {
  const next = imageOf(loaded)
  const changes = differences(running, next).map((path) => ({
    path,
    at: connectorOf(path, registries, next),
  }))
  const stuck = new Set(
    changes.flatMap(({ path, at }) => (at !== undefined && isOther(path, at) ? [at.id] : [])),
  )
  const isApplied = ({ path, at }: (typeof changes)[number]): boolean => {
    if (at !== undefined) return isRenewable(path, at) && !stuck.has(at.id)
    if (isAt(path, ['auth', 'keys'])) return running.auth.keys.length > 0 && next.auth.keys.length > 0
    return simple.some((each) => isAt(path, each))
  }
  const taken = changes.filter(isApplied)
  const applied = taken.map(({ path }) => path)
  const renewals = new Map(
    taken.flatMap(({ at }) => (at === undefined ? [] : [[at.id, at.renewal] as const])),
  )
  return {
    applied,
    restart: changes.filter((change) => !isApplied(change)).map(({ path }) => path),
    renewals: [...renewals.values()],
    running: withTaken(running, next, applied),
  }
}

/** Beside the keys and the connectors. */
const simple: readonly SettingPath[] = [
  ['log', 'level'],
  ['server', 'requestsPerMinute'],
  ['server', 'drain'],
]

/** How a product is reached, not what is done there. */
const ways = ['timeout', 'proxy', 'tls']

interface Connector {
  readonly id: string
  readonly renewal: Renewal
  /** Of its own names among those of a path: how many come before. */
  readonly depth: number
  readonly credentials: readonly string[]
}

function connectorOf(path: SettingPath, registries: Registries, next: Image): Connector | undefined {
  const [list, name = '', end] = path
  const found = (kinds: readonly Kind[], entry: { readonly kind: string } | undefined, renewal: Renewal) => {
    const depth = renewal.part === 'bridge' ? 3 : 2
    const credentials = kinds.find(({ kind }) => kind === entry?.kind)?.credentials ?? []
    // One that came or left as a whole is none to be renewed.
    if (entry === undefined || path.length <= depth) return undefined
    return { id: path.slice(0, depth).join('/'), renewal, depth, credentials }
  }
  const named = <E extends { readonly name: string }>(entries: readonly E[]) =>
    entries.find((each) => each.name === name)
  if (list === 'sources') return found(registries.sources, named(next.sources), { part: 'source', name })
  if (list === 'exporters') {
    return found(registries.exporters, named(next.exporters), { part: 'exporter', name })
  }
  if (list !== 'bridges' || (end !== 'ticketDesk' && end !== 'incidentSink')) return undefined
  const kinds = end === 'ticketDesk' ? registries.ticketDesks : registries.incidentSinks
  return found(kinds, named(next.bridges)?.[end], { part: 'bridge', name, end })
}

interface Kind {
  readonly kind: string
  readonly credentials?: readonly string[]
}

function isRenewable(path: SettingPath, { depth, credentials }: Connector): boolean {
  const [what = '', setting = ''] = path.slice(depth)
  return ways.includes(what) || (what === 'settings' && credentials.includes(setting))
}

/** Whether it is another connector then, which has to be begun with. */
function isOther(path: SettingPath, connector: Connector): boolean {
  const what = path[connector.depth]
  return (what === 'settings' || what === 'kind') && !isRenewable(path, connector)
}

function isAt(path: SettingPath, place: SettingPath): boolean {
  return place.every((name, index) => path[index] === name)
}

type Image = LoadedConfig['given']

/** Files of certificates with their content, which may change under the same name. */
function imageOf({ given, config }: Pick<LoadedConfig, 'given' | 'config'>): Image {
  const withContent = <E extends { readonly tls: { readonly caFile: string } }>(
    entry: E,
    built: { readonly tls: TlsConfig } | undefined,
  ): E => {
    if (built?.tls.ca === undefined) return entry
    return { ...entry, tls: { ...entry.tls, caFile: `${entry.tls.caFile}\n${built.tls.ca}` } }
  }
  return {
    ...given,
    sources: given.sources.map((each, index) => withContent(each, config.sources[index])),
    exporters: given.exporters.map((each, index) => withContent(each, config.exporters[index])),
    bridges: given.bridges.map((each, index) => ({
      ...each,
      ticketDesk: withContent(each.ticketDesk, config.bridges[index]?.ticketDesk),
      incidentSink: withContent(each.incidentSink, config.bridges[index]?.incidentSink),
    })),
  }
}
