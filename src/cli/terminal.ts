/** What every command writes: results to standard output, everything else to standard error. */
import { once } from 'node:events'
import { errorTable, ServiceError, UpstreamError, upstreamCode } from '../errors.ts'

/** 0 good, 1 failed, 2 bad usage or configuration. */
export type ExitCode = 0 | 1 | 2

/** Ends a command with a message and an exit code; `lines` are shown as they are. */
export class CommandError extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode) {
    super(message)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}

/** Waits while the reader is slower than we are; a reader that went away (`| head`) ends the command quietly. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Control characters of foreign text would steer the terminal. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}

/** What went wrong, what to do, in the words that the HTTP answer has too. */
export function describe(error: unknown): string {
  if (error instanceof CommandError) return error.message
  if (error instanceof ServiceError) return sentence(error.code, error.message)
  if (error instanceof UpstreamError) return sentence(upstreamCode[error.kind], error.message)
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function sentence(code: keyof typeof errorTable, detail: string): string {
  const { title, help } = errorTable[code]
  return `${harmless(`${title}: ${detail}`)}\n${help}`
}
