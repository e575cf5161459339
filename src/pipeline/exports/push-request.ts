/** A push as it was asked for: checked, with its defaults, and named so that the same one is known again. */
import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { type LimitedFilter, readLimitedFilter } from '../../config/filter.ts'
import { type FieldError, ServiceError } from '../../errors.ts'
import type { Exporter, ExporterDefinition, PushOptions } from '../../exporters/exporter.ts'
import type { FeedFilter } from '../../model/filter.ts'
import type { DeliveryAction } from '../../store/exports.ts'
import type { FeedDefinition } from '../../store/feed-store.ts'
import { faultsOf, type GivenSchema, refuse, wrong } from './given.ts'

/** A configured exporter, as pushes know it. */
export interface PushTarget {
  readonly name: string
  readonly definition: Pick<ExporterDefinition, 'kind' | 'accepts' | 'maxBatch' | 'options'>
  readonly exporter: Exporter
  readonly objectsPerRun: number
  /** null: only what is pushed. */
  readonly forward: FeedFilter | null
}

/** As it comes: what its members hold is not checked yet. null is as good as absent. */
export interface PushRequest {
  readonly indicators?: unknown
  /** Name of a feed. */
  readonly feed?: unknown
  /** Filter keys of a feed, and `limit`. */
  readonly filter?: unknown
  readonly action?: unknown
  readonly options?: unknown
}

/** What is pushed. */
type PushList =
  | { readonly entries: readonly unknown[] }
  | { readonly feed: FeedDefinition }
  | { readonly filter: LimitedFilter }

export interface Push {
  readonly list: PushList
  readonly action: DeliveryAction
  readonly options: PushOptions
}

export interface Configured {
  readonly feeds: readonly FeedDefinition[]
  /** Names of the sources. */
  readonly sources: readonly string[]
}

const action = { type: 'string', enum: ['upsert', 'remove'] } as const

/** @throws ServiceError ARGUMENT_INVALID with all that is wrong but for the entries, FEED_UNKNOWN */
export function readPush(request: PushRequest, target: PushTarget, configured: Configured): Push {
  const faults: FieldError[] = []
  if (!isAbsent(request.action)) faults.push(...faultsOf(action, request.action, '/action'))
  const options = request.options ?? {}
  faults.push(...optionFaults(options, target))
  const list = readList(request, configured, faults)
  refuse(faults)
  return {
    list: list ?? { entries: [] },
    action: (request.action ?? 'upsert') as DeliveryAction,
    options: options as PushOptions,
  }
}

/** Options that an exporter does not have are told by the names of those that it has. */
function optionFaults(options: unknown, { name, definition }: PushTarget): readonly FieldError[] {
  const schema = definition.options as GivenSchema
  const known = Object.keys(schema.properties ?? {})
  return faultsOf({ ...schema, type: 'object' }, options, '/options').map(({ pointer, detail }) => {
    const option = /^\/options\/([^/]*)$/.exec(pointer)?.[1]
    if (option === undefined || known.includes(option)) return { pointer, detail }
    const takes = known.length === 0 ? 'takes no options' : `takes ${known.join(', ')}`
    return { pointer, detail: `options.${option} is not an option of ${name}, which ${takes}` }
  })
}

const lists = ['indicators', 'feed', 'filter'] as const

/** @returns undefined where that is told as a fault */
function readList(
  request: PushRequest,
  { feeds, sources }: Configured,
  faults: FieldError[],
): PushList | undefined {
  const given = lists.filter((name) => !isAbsent(request[name]))
  const [only] = given
  if (only === undefined || given.length > 1) {
    const received = given.length === 0 ? 'none of them' : given.join(' and ')
    const detail = `a push takes one of indicators, feed and filter; received ${received}`
    faults.push(
      ...(given.length === 0 ? [''] : given).map((name) => ({ pointer: name && `/${name}`, detail })),
    )
    return undefined
  }
  const value = request[only]
  switch (only) {
    case 'indicators':
      if (Array.isArray(value)) return { entries: value }
      faults.push(wrong({ 'x-takes': 'a list, each text or an indicator' }, value, '/indicators'))
      return undefined
    case 'feed':
      if (typeof value === 'string') return { feed: feedNamed(value, feeds) }
      faults.push(wrong({ 'x-takes': 'the name of a feed' }, value, '/feed'))
      return undefined
    case 'filter': {
      const read = readLimitedFilter(value, '/filter', sources)
      if ('filter' in read) return read
      for (const fault of read.errors) faults.push(fault)
      return undefined
    }
  }
}

function feedNamed(name: string, feeds: readonly FeedDefinition[]): FeedDefinition {
  const feed = feeds.find((each) => each.name === name)
  if (feed !== undefined) return feed
  const others =
    feeds.length === 0 ? 'none is configured' : `there are: ${feeds.map((each) => each.name).join(', ')}`
  throw new ServiceError('FEED_UNKNOWN', `no feed ${JSON.stringify(name.slice(0, 80))}; ${others}`)
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

/** As many entries are read before others are served. */
const entriesAtOnce = 1000

/** The same for the same push, however its members are ordered and whatever defaults are written out. */
export async function digestOf({ list, action, options }: Push): Promise<string> {
  const digest = createHash('sha256')
  const add = (value: unknown) => digest.update(canonicalJson(value)).update('\n')
  add([action, options])
  if ('feed' in list) add({ feed: list.feed.name })
  else if ('filter' in list) add({ filter: list.filter })
  // One by one: all of them may be too long for one text.
  else {
    for (const [index, entry] of list.entries.entries()) {
      add(entry)
      if (index % entriesAtOnce === entriesAtOnce - 1) await turn()
    }
  }
  return digest.digest('base64url')
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
