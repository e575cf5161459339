/** What can be asked of exports: pushing, looking at them, and setting a destination right. For HTTP and commands. */
import type { Logger } from 'pino'
import type { Finding } from '../../connector.ts'
import { ServiceError } from '../../errors.ts'
import type { FeedFilter } from '../../model/filter.ts'
import type { DeliveryStore, ExporterState, MatchingStore } from '../../store/delivery-store.ts'
import type { ExportItem, ExportOrigin, ExportRecord, ExportStatus, ItemStatus } from '../../store/exports.ts'
import type { FeedStore } from '../../store/feed-store.ts'
import { latestOf } from '../receipt.ts'
import { type DryRun, dryRun } from './dry-run.ts'
import { pushItems } from './push-items.ts'
import { type Configured, digestOf, type PushRequest, type PushTarget, readPush } from './push-request.ts'

export type { PushRequest, PushTarget } from './push-request.ts'

export interface ExportsOptions extends Configured {
  readonly store: DeliveryStore &
    MatchingStore &
    Pick<FeedStore, 'feedsPosition' | 'refreshFeed' | 'readFeed'>
  readonly destinations: readonly PushTarget[]
  readonly log: Logger
  /** Aborted when the server stops: nobody waits any longer. */
  readonly stopping: AbortSignal
  /** Tells whoever works at the exporter that there is work; it is found later without that. */
  wake(exporter: string): Promise<void> | void
  /** Milliseconds since the epoch. */
  now(): number
}

/** Who pushes. */
interface Asker {
  /** Id of the API key; null: nobody, or a server without keys. */
  readonly requestedBy: string | null
  /** The same key and the same push: the same export. */
  readonly idempotencyKey?: string
}

export interface ExporterInfo extends ExporterState {
  readonly kind: string
  /** null: only what is pushed. */
  readonly forward: FeedFilter | null
}

export interface ExportQuery {
  /** Names; of those that are not configured any more, too. */
  readonly exporters: readonly string[]
  readonly statuses?: readonly ExportStatus[]
  readonly origins?: readonly ExportOrigin[]
  readonly limit: number
  /** Id of the export after which to go on. */
  readonly before?: string
}

/** @see DeliveryStore for what is not told here */
export interface Exports {
  /** Of the configured exporters, in their order. */
  names(): readonly string[]
  readonly stopping: AbortSignal
  /**
   * Durable when it returns.
   * @returns repeated: the export is that of an earlier push with this idempotency key
   * @throws ServiceError EXPORTER_UNKNOWN, ARGUMENT_INVALID, FEED_UNKNOWN, FEED_NOT_READY, NOT_READY, IDEMPOTENCY_CONFLICT
   */
  push(
    exporter: string,
    request: PushRequest,
    asker: Asker,
  ): Promise<{ readonly export: ExportRecord; readonly repeated: boolean }>
  /** Sends and writes nothing. @throws ServiceError as `push`, and EXPORT_REFUSED for more than 50,000 items */
  dryRun(exporter: string, request: PushRequest): Promise<DryRun>
  /** @throws ServiceError EXPORT_UNKNOWN */
  export(id: string): Promise<ExportRecord>
  exports(query: ExportQuery): Promise<readonly ExportRecord[]>
  items(
    id: string,
    query: { readonly statuses?: readonly ItemStatus[]; readonly limit: number; readonly after?: number },
  ): Promise<readonly (ExportItem & { readonly position: number })[]>
  /** Queues the items of these statuses again. @returns the export as it is then @throws ServiceError EXPORT_UNKNOWN */
  replay(id: string, statuses: readonly ItemStatus[]): Promise<ExportRecord>
  /** The export when it has ended, when the time is over or when the signal is aborted, as it is then. */
  untilEnded(
    record: ExportRecord,
    options: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<ExportRecord>
  /** In the order of the names. */
  states(names: readonly string[]): Promise<readonly ExporterInfo[]>
  /** @throws ServiceError EXPORTER_UNKNOWN, as the others below */
  state(exporter: string): Promise<ExporterInfo>
  check(exporter: string, signal: AbortSignal): Promise<readonly Finding[]>
  resume(exporter: string): Promise<ExporterInfo>
  /**
   * Compares the ledger with what the product has. @returns missing: entries that the product has no more, and the
   * values of the first hundred @throws ServiceError EXPORT_REFUSED where the product can't tell, UpstreamError
   */
  reconcile(exporter: string, signal: AbortSignal): Promise<Reconciled>
}

interface Reconciled {
  /** Entries that the product has from us. */
  readonly present: number
  readonly missing: number
  readonly values: readonly string[]
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function createExports(options: ExportsOptions): Exports {
  const { store, destinations, stopping, now } = options
  const targets = new Map(destinations.map((target) => [target.name, target]))
  const withItems = pushItems(options)

  const targetNamed = (name: string): PushTarget => {
    const target = targets.get(name)
    if (target !== undefined) return target
    const others = targets.size === 0 ? 'none is configured' : `there are: ${[...targets.keys()].join(', ')}`
    throw new ServiceError('EXPORTER_UNKNOWN', `no exporter ${JSON.stringify(name.slice(0, 80))}; ${others}`)
  }
  const wake = async (name: string): Promise<void> => {
    try {
      await options.wake(name)
    } catch (error) {
      options.log.warn(
        { err: error, exporter: name },
        'the exporter was not told of new work; it finds it later',
      )
    }
  }
  const known = async (id: string): Promise<ExportRecord> => {
    const record = uuid.test(id) ? await store.export(id) : undefined
    if (record === undefined) throw new ServiceError('EXPORT_UNKNOWN', `no export ${JSON.stringify(id)}`)
    return record
  }
  const states = async (names: readonly string[]): Promise<ExporterInfo[]> => {
    const found = await store.exporterStates(names)
    return names.flatMap((name) => {
      const state = found.find((each) => each.name === name)
      const { definition, forward } = targetNamed(name)
      return state === undefined ? [] : [{ ...state, kind: definition.kind, forward }]
    })
  }
  const state = async (name: string): Promise<ExporterInfo> => {
    targetNamed(name)
    const [found] = await states([name])
    if (found === undefined) throw new Error(`the exporter ${name} is not registered in the store`)
    return found
  }

  return {
    names: () => [...targets.keys()],
    stopping,
    async push(name, request, { requestedBy, idempotencyKey }) {
      const target = targetNamed(name)
      const push = readPush(request, target, options)
      const idempotency =
        idempotencyKey === undefined ? undefined : { key: idempotencyKey, digest: await digestOf(push) }
      const made = await withItems(push, target, (pages) =>
        store.createExport(
          {
            exporter: name,
            action: push.action,
            requestedBy,
            options: push.options,
            ...(idempotency !== undefined && { idempotency }),
            now: new Date(now()),
          },
          pages,
        ),
      )
      if (made.export.counts.pending > 0) await wake(name)
      return made
    },
    async dryRun(name, request) {
      const target = targetNamed(name)
      const push = readPush(request, target, options)
      return withItems(push, target, (pages) => dryRun(store, target, push, pages, now()))
    },
    export: known,
    exports: (query) => store.exports(query),
    items: (id, query) => store.items(id, query),
    async replay(id, statuses) {
      const { exporter } = await known(id)
      const queued = await store.replay(id, statuses, new Date(now()))
      if (queued !== undefined && queued > 0) await wake(exporter)
      return known(id)
    },
    untilEnded: (record, waiting) =>
      latestOf(
        record,
        () => store.export(record.id),
        ({ endedAt }) => endedAt !== null,
        waiting,
      ),
    states,
    state,
    check: (name, signal) => targetNamed(name).exporter.check(signal),
    async resume(name) {
      targetNamed(name)
      await store.resumeExporter(name, new Date(now()))
      await wake(name)
      return state(name)
    },
    async reconcile(name, signal) {
      const { exporter, definition } = targetNamed(name)
      if (exporter.held === undefined) {
        const detail = `"${name}" can't be compared: ${definition.kind} does not tell what it has from us`
        throw new ServiceError('EXPORT_REFUSED', detail)
      }
      const before = new Date(now())
      const present = new Set<string>()
      for await (const page of exporter.held(signal)) for (const id of page) present.add(id)
      return { present: present.size, ...(await store.noteMissing(name, present, before)) }
    },
  }
}
