/** How a command fails: in the words of the HTTP answers, as far as they fit a terminal, and with which exit code. */
import { type ErrorCode, errorTable, ServiceError, UpstreamError, upstreamCode } from '../errors.ts'
import { ProxyUnusable } from '../upstream/proxy.ts'
import { harmless } from './terminal.ts'

/** 0 good, 1 failed, 2 bad usage or configuration; 128 and more: ended by that signal, as shells have it. */
export type ExitCode = 0 | 1 | 2 | 129 | 130 | 143

/** Ends a command with a message and an exit code; its lines are shown as they are. */
export class CommandError extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode) {
    super(message)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}

const usageCodes: ReadonlySet<ErrorCode> = new Set([
  'ARGUMENT_INVALID',
  'SOURCE_UNKNOWN',
  'EXPORTER_UNKNOWN',
  'FEED_UNKNOWN',
])

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode
  if (error instanceof ProxyUnusable) return 2
  return error instanceof ServiceError ? exitCodeFor(error.code) : 1
}

/** @param code of an error, of this process or of a server that was asked */
export function exitCodeFor(code: string | undefined): ExitCode {
  return [...usageCodes].some((each) => each === code) ? 2 : 1
}

/** Where the table's advice is about HTTP; empty where the detail says it all. */
const advice: Partial<Record<ErrorCode, string>> = {
  SOURCE_UNKNOWN: '',
  EXPORTER_UNKNOWN: '',
  FEED_UNKNOWN: '',
  FEED_NOT_READY: 'Fetch its sources first: `feed-server fetch`.',
  QUERY_REFUSED: "Correct the TQL; the source's own words are above. --explain shows what would be sent.",
  UPSTREAM_THROTTLED: 'Ask less often.',
}

/** What went wrong and what to do, in one to three lines. */
export function describe(error: unknown): string {
  if (error instanceof CommandError) return error.message
  if (error instanceof ProxyUnusable) {
    return `${error.message}.\nCorrect or unset it; \`proxy: none\` of a source, exporter or bridge uses none.`
  }
  if (error instanceof UpstreamError) {
    const { kind, message, retryAfterMs } = error
    const wait = retryAfterMs === undefined ? '' : ` It asks us to wait ${Math.ceil(retryAfterMs / 1000)} s.`
    return sentence(upstreamCode[kind], message + wait)
  }
  if (error instanceof ServiceError) {
    return error.code === 'ARGUMENT_INVALID'
      ? error.errors.map(({ detail }) => asOption(detail)).join('\n')
      : sentence(error.code, error.message)
  }
  return `feed-server failed, by a fault of its own: ${error instanceof Error ? error.stack : String(error)}`
}

function sentence(code: ErrorCode, detail: string): string {
  const { title, help } = errorTable[code]
  return [harmless(`${title}: ${detail}`), advice[code] ?? help].filter((line) => line !== '').join('\n')
}

/** `tql_query takes …` is about `--tql-query`; members of a list are told by their value, not by their number. */
function asOption(detail: string): string {
  return harmless(
    detail.replace(/^([a-z_]+)(\[\d+\])?/, (_, name: string) => `--${name.replaceAll('_', '-')}`),
  )
}
