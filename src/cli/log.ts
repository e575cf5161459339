/** The log: JSON lines, or readable ones on a terminal; no secret of the configuration gets into it. */
import type { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export interface LogOptions {
  readonly level: string
  /** Every secret value of the configuration. */
  readonly secrets: readonly string[]
  readonly stream: Writable & { readonly isTTY?: boolean }
}

export function createLog({ level, secrets, stream }: LogOptions): Logger {
  const target = stream.isTTY ? pretty({ destination: stream, sync: true, ignore: 'pid,hostname' }) : stream
  const redact = redactor(secrets)
  return pino(
    { level, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void target.write(redact(line)) },
  )
}

/**
 * Takes secrets out of a finished line, wherever they got into it: paths and objects can't be listed for errors of
 * libraries. In a line they stand as JSON writes them, or percent-encoded in an address.
 */
export function redactor(secrets: readonly string[]): (line: string) => string {
  const spellings = new Set<string>()
  for (const secret of secrets) {
    spellings.add(JSON.stringify(secret).slice(1, -1))
    spellings.add(encodeURIComponent(secret))
  }
  // The longest first: one may be part of another.
  const ordered = [...spellings].sort((a, b) => b.length - a.length)
  return (line) => ordered.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line)
}
