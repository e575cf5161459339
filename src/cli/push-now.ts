/** A push for the command, from what is to be sent to the receipt. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { registries } from '../app.ts'
import type { Config, ExporterConfig } from '../config/model.ts'
import { ServiceError } from '../errors.ts'
import type { PushRequest } from '../pipeline/exports/push-request.ts'
import type { DeliveryAction, ExportItem } from '../store/exports.ts'
import { CommandError } from './failure.ts'
import { pushEntries } from './push-input.ts'
import { pushOptions } from './push-options.ts'
import { pushProgress } from './push-progress.ts'
import { dryRunReport, pushReport, shown } from './push-report.ts'
import { type Destined, type Pushed, type Pusher, pusherFor } from './pusher.ts'
import { harmless, print } from './terminal.ts'
import { unknownName } from './unknown-name.ts'

export interface PushNowOptions {
  readonly config: Config
  readonly log: Logger
  readonly signal: AbortSignal
  readonly exporter: string
  /** Name of a feed; absent: `file`. */
  readonly feed?: string
  /** A path; `-`: standard input. */
  readonly file?: string
  readonly action: DeliveryAction
  /** `name=value` each. */
  readonly options: readonly string[]
  /** Sets a paused exporter going first. */
  readonly resume: boolean
  readonly dryRun: boolean
  readonly json: boolean
}

/** @throws CommandError, after the receipt was written, when anything was not taken or the destination is paused */
export async function pushNow(options: PushNowOptions): Promise<void> {
  const { config, log, signal, dryRun, json } = options
  const exporter = exporterNamed(config, options.exporter)
  const request = await requestOf(options, exporter)
  const pusher = await pusherFor(config, exporter, log, signal)
  try {
    if (dryRun) {
      const answer = await pusher.dryRun(request)
      return await print(json ? `${JSON.stringify(answer)}\n` : dryRunReport(answer), signal)
    }
    if (options.resume) await pusher.resume()
    const { pushed, destination } = await carryOut(pusher, request, signal)
    const text = json ? `${JSON.stringify(pushed)}\n` : pushReport(pushed, await notTaken(pusher, pushed))
    await print(text, signal)
    refuseFailure(pushed, destination, pusher)
  } finally {
    await pusher.close()
  }
}

function exporterNamed({ exporters }: Config, name: string): ExporterConfig {
  const found = exporters.find((each) => each.name === name)
  if (found !== undefined) return found
  const known = exporters.map((each) => each.name)
  throw new ServiceError('EXPORTER_UNKNOWN', unknownName('exporter', name, known, 'exporters'))
}

async function requestOf(
  { config: { feeds }, feed, file = '-', action, options }: PushNowOptions,
  { kind, name }: ExporterConfig,
): Promise<PushRequest> {
  const definition = registries.exporters.find((each) => each.kind === kind)
  if (definition === undefined) throw new TypeError(`no exporter of kind ${kind}`)
  const beside = { action, options: pushOptions(options, name, definition) }
  if (feed === undefined) return { indicators: await pushEntries(file), ...beside }
  if (feeds.some((each) => each.name === feed)) return { feed, ...beside }
  const known = feeds.map((each) => each.name)
  throw new ServiceError('FEED_UNKNOWN', unknownName('feed', feed, known, 'feeds'))
}

const lookMs = 250

/** Until it has ended, or goes no further before somebody mends the destination. */
async function carryOut(
  pusher: Pusher,
  request: PushRequest,
  signal: AbortSignal,
): Promise<{ readonly pushed: Pushed; readonly destination: Destined }> {
  let pushed = await pusher.push(request)
  const progress = pushProgress(harmless(pushed.exporter), () => performance.now())
  try {
    for (;;) {
      const destination = await pusher.destination()
      pushed = await pusher.look(pushed.id)
      progress.update(pushed, destination)
      if (pushed.endedAt !== null || destination.circuit === 'paused') return { pushed, destination }
      await wait(lookMs, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
    progress.stop()
    throw interrupted(signal.reason, pushed, pusher)
  } finally {
    progress.stop()
  }
}

async function notTaken(pusher: Pusher, { id, counts }: Pushed): Promise<readonly ExportItem[]> {
  const found: ExportItem[] = []
  for (const status of ['rejected', 'dead', 'skipped'] as const) {
    if (counts[status] === 0 || found.length >= shown) continue
    found.push(...(await pusher.items(id, status, shown - found.length)))
  }
  return found
}

/** What is pending is safe: it says who goes on with it. */
function interrupted(reason: unknown, pushed: Pushed, pusher: Pusher): unknown {
  if (!(reason instanceof CommandError)) return reason
  return new CommandError(`${reason.message}; ${leftWords(pushed, pusher)}`, reason.exitCode)
}

function leftWords({ id, counts }: Pushed, { server }: Pusher): string {
  const who =
    server === undefined
      ? 'the next `feed-server serve` or `push` sends them'
      : `the server at ${server} sends them`
  return `${counts.pending} of export ${id} are still to be sent: ${who}`
}

/** @throws CommandError */
function refuseFailure(pushed: Pushed, { circuit, error }: Destined, pusher: Pusher): void {
  const { rejected, dead, pending } = pushed.counts
  const words: string[] = []
  if (rejected + dead > 0) words.push(`${rejected + dead} of ${pushed.counts.total} were not taken`)
  if (pending > 0 && circuit === 'paused') {
    words.push(`${pushed.exporter} is paused: ${harmless(error?.cause ?? 'the cause is not known')}`)
    if (error !== null) words.push(harmless(error.remedy))
    const resume = 'the same command with --resume goes on at once'
    words.push(
      `${pending} of export ${pushed.id} wait in the store.`,
      pusher.server === undefined
        ? `Once it is mended, ${resume}, and so does the start of a server.`
        : `Once it is mended, ${resume}; after a change of the configuration restart the server at ${pusher.server} instead.`,
    )
  }
  if (words.length > 0) throw new CommandError(words.join('\n'), 1)
}
