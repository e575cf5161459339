/** A scheduled fetch: both endpoints, one after the other, each from where it stands. */
import type { ConnectorContext } from '../../connector.ts'
import { ServiceError, UpstreamError } from '../../errors.ts'
import type { SourceFailure, SourceOptions, SourcePage } from '../source.ts'
import type { ThreatConnectClient } from './client.ts'
import {
  type Cursor,
  fingerprintOf,
  freshCursor,
  lostCursor,
  type PartName,
  type PartState,
  readCursor,
  writeCursor,
} from './cursor.ts'
import { Sender, type SenderOptions } from './sender.ts'
import type { ThreatConnectSettings } from './settings.ts'
import { walk } from './walk.ts'
import type { Expectation, Step, WalkOptions } from './walk-step.ts'
import { service } from './wire.ts'

export interface ChangesOptions extends Pick<SenderOptions, 'sleep'> {
  readonly client: ThreatConnectClient
  readonly settings: ThreatConnectSettings
  readonly options: SourceOptions
  readonly context: Pick<ConnectorContext, 'log' | 'now'>
}

const partNames: readonly PartName[] = ['indicators', 'groups']

/** What changed during a shorter walk can wait for the next fetch. */
const longWalkMs = 900_000

/** Two servers that take turns may disagree about the time by so much. */
const clockToleranceMs = 3_600_000

export class ThreatConnectChanges {
  readonly #options: ChangesOptions
  readonly #fingerprint: string
  /** Told once, and again after it was otherwise. */
  #deletedRefused = false

  constructor(options: ChangesOptions) {
    this.#options = options
    this.#fingerprint = fingerprintOf(options.settings, options.options)
  }

  /** See `Source.changes`. */
  async *since(text: string | undefined, signal: AbortSignal): AsyncGenerator<SourcePage | SourceFailure> {
    const { settings } = this.#options
    let cursor = this.#read(text)
    let failed = false
    const expectation: Expectation = { total: 0 }
    const asked = { indicators: settings.indicatorTypes.length > 0, groups: settings.groupTypes.length > 0 }
    for (const part of partNames.filter((each) => asked[each])) {
      const sender = this.#sender(signal)
      try {
        for await (const { page, state } of this.#walks(part, cursor[part], sender, expectation)) {
          cursor = { ...cursor, [part]: state }
          yield { part, ...page, cursor: writeCursor(cursor, this.#fingerprint) }
        }
      } catch (error) {
        yield { part, failure: failureOf(error), requests: sender.takeRequests() }
        failed = true
      }
    }
    // Beside a failure they would make a fetch that brought nothing look like one that did.
    for (const part of partNames.filter((each) => !asked[each] && !cursor[each].fresh && !failed)) {
      cursor = { ...cursor, [part]: freshCursor[part] }
      yield { part, ...nothingLeft, cursor: writeCursor(cursor, this.#fingerprint) }
    }
  }

  #read(text: string | undefined): Cursor {
    if (text === undefined) return freshCursor
    const read = readCursor(text, this.#fingerprint)
    if (!('unusable' in read)) return read
    this.#options.context.log.warn({ because: read.unusable }, 'everything is fetched once more')
    return lostCursor
  }

  /** A walk that was broken off for long is followed by one over what changed since it began. */
  async *#walks(
    part: PartName,
    state: PartState,
    sender: Sender,
    expectation: Expectation,
  ): AsyncGenerator<Step> {
    const options = this.#walkOptions(part, sender, expectation)
    const { alwaysWhole } = this.#options.options
    const ended = yield* walk(options, state, alwaysWhole || this.#isDue(state))
    if (state.walk === undefined || !this.#isLongAgo(state.walk.startedAt)) return
    yield* walk(options, ended, (alwaysWhole && !state.walk.whole) || this.#isDue(ended))
  }

  #isLongAgo(startedAt: number): boolean {
    return this.#options.context.now() - startedAt >= longWalkMs
  }

  #isDue({ wholeEndedAt }: PartState): boolean {
    const { reconcileEvery } = this.#options.settings
    if (reconcileEvery === null) return false
    const age = this.#options.context.now() - (wholeEndedAt ?? Number.NEGATIVE_INFINITY)
    return age >= reconcileEvery || age < -clockToleranceMs
  }

  #sender(signal: AbortSignal): Sender {
    const { client, settings, options, context, sleep } = this.#options
    const { log } = context
    const { pageSize } = settings
    return new Sender({ client, retry: options.retry, pageSize, log, signal, ...(sleep && { sleep }) })
  }

  #walkOptions(part: PartName, sender: Sender, expectation: Expectation): WalkOptions {
    const { settings, options, context } = this.#options
    const { log, now } = context
    const deletedRefused = (refusal: UpstreamError | undefined) => {
      if (refusal !== undefined && !this.#deletedRefused) {
        log.warn({ err: refusal }, 'this account may not see what was deleted: only whole walks find it')
      }
      this.#deletedRefused = refusal !== undefined
    }
    return { part, settings, options, sender, log, expectation, now, deletedRefused }
  }
}

/** Of an endpoint that is no longer asked for: what is known of it has left. */
const nothingLeft = {
  received: 0,
  observations: [],
  deactivated: [],
  unreadable: [],
  removed: [],
  covers: { after: '0', upTo: null },
  requests: 0,
} as const

/** @throws what is no failure of the endpoint: the caller's abort, defects of ours */
function failureOf(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error
  if (!(error instanceof ServiceError)) throw error
  return new UpstreamError('rejected', error.message, { service, cause: error })
}
