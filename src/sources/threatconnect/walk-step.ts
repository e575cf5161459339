/** What the ways to walk have in common: what they ask for, and what becomes of an answer. */
import type { Logger } from 'pino'
import type { UpstreamError } from '../../errors.ts'
import type { SourceOptions, SourcePage } from '../source.ts'
import type { ListAnswer } from './client.ts'
import type { PartName, PartState, Walk } from './cursor.ts'
import { recordFields } from './fields.ts'
import type { Reading, Received } from './received.ts'
import type { Sender } from './sender.ts'
import type { ThreatConnectSettings } from './settings.ts'
import { allOf, type Clause, filterClauses, groupClauses, modifiedSince, userClause } from './tql.ts'
import { type ListRequest, listRequest } from './wire.ts'

export interface WalkOptions {
  readonly part: PartName
  readonly settings: ThreatConnectSettings
  readonly options: SourceOptions
  readonly sender: Sender
  readonly log: Logger
  readonly expectation: Expectation
  /** Our clock, milliseconds. */
  now(): number
  /** Called where this instance does not tell what was deleted; undefined: it does. */
  deletedRefused(refusal: UpstreamError | undefined): void
}

/** A page, and where its endpoint stands once the page is stored. */
export interface Step {
  readonly page: Omit<SourcePage, 'part' | 'cursor'>
  readonly state: PartState
}

/** What all walks of one fetch will bring in, as far as ThreatConnect tells. */
export interface Expectation {
  /** undefined once a walk did not tell. */
  total: number | undefined
}

/** How far back a walk looks before the beginning of the one before: writes that were under way, clocks that differ. */
export const overlapMs = 120_000

/** A walk whose first answer is still to come has no beginning yet. */
export type Begun = Omit<Walk, 'startedAt'> & { readonly startedAt?: number }

/** Records under the source's own filters. @param place further clauses */
export function requestOf(
  { part, settings }: WalkOptions,
  { since }: PartState,
  { whole, activeOnly }: Pick<Begun, 'whole' | 'activeOnly'>,
  place: readonly Clause[],
): ListRequest {
  const changed = whole || since === null ? [] : [modifiedSince(since - overlapMs)]
  const tql = allOf([...place, ...changed, ...filters(part, settings, activeOnly)])
  return { ...listRequest(part, tql), fields: recordFields(part, settings.createRelationships) }
}

function filters(part: PartName, settings: ThreatConnectSettings, activeOnly: boolean): Clause[] {
  return part === 'indicators'
    ? [...filterClauses({ ...settings, activeOnly }), ...userClause(settings.tql)]
    : [...groupClauses(settings), ...userClause(settings.groupTql)]
}

export function reading({ part, settings, options }: WalkOptions, after?: string): Reading {
  const activeOnly = part === 'indicators' && settings.activeOnly
  const kind = part === 'indicators' ? 'indicator' : 'group'
  return { kind, options, activeOnly, ...(after !== undefined && { after }) }
}

export function pageOf(received: number, records: Received, sender: Sender): Step['page'] {
  const { observations, deactivated, unreadable } = records
  const lists = { observations, deactivated, unreadable, removed: [] }
  return { received, ...lists, requests: sender.takeRequests() }
}

export function expected(expectation: Expectation, { count }: ListAnswer): { expected?: number } {
  const { total } = expectation
  expectation.total = total === undefined || count === undefined ? undefined : total + count
  return expectation.total === undefined ? {} : { expected: expectation.total }
}

export function afterWalk(
  { now }: WalkOptions,
  idle: PartState,
  { startedAt, whole, deletedUnknown }: Walk,
): PartState {
  const since = deletedUnknown ? idle.since : startedAt
  return { fresh: false, since, wholeEndedAt: whole ? now() : idle.wholeEndedAt }
}
