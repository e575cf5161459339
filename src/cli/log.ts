/** The log: JSON lines, or readable ones on a terminal; no secret of the configuration gets into it. */
import { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import { describeError } from '../http/describe-error.ts'
import { harmless, visible } from './terminal.ts'

export interface LogOptions {
  readonly level: string
  /** Every secret value of the configuration; of a server that takes others, a function, asked for each line. */
  readonly secrets: readonly string[] | (() => readonly string[])
  readonly stream: Writable & { readonly isTTY?: boolean }
}

export async function createLog({ level, secrets, stream }: LogOptions): Promise<Logger> {
  const target = stream.isTTY ? await readable(stream) : stream
  const spellings = spellingsOf(typeof secrets === 'function' ? secrets : () => secrets)
  return pino(
    { level, timestamp: timeOfLine(), serializers: { err: describeError } },
    batched(target, (line) => visible(redacted(line, spellings()))),
  )
}

/** As pino's own, made once for each millisecond: it was a third of what a line costs. */
function timeOfLine(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) text = `,"time":"${new Date(now).toISOString()}"`
    at = now
    return text
  }
}

/** Made once for each list. */
function spellingsOf(secrets: () => readonly string[]): () => readonly string[] {
  const spell = (list: readonly string[]) => spelled(list, (secret) => JSON.stringify(secret).slice(1, -1))
  let known = secrets()
  let spellings = spell(known)
  return () => {
    const now = secrets()
    if (now !== known) {
      known = now
      spellings = spell(now)
    }
    return spellings
  }
}

/** One write for all lines of a turn of the event loop: each costs more than the line itself. */
function batched(target: Writable, finish: (line: string) => string): { write(line: string): void } {
  let lines = ''
  const flush = () => {
    if (lines !== '') target.write(lines)
    lines = ''
  }
  process.on('exit', flush)
  return {
    write(line) {
      if (lines === '') setImmediate(flush)
      lines += finish(line)
    },
  }
}

/** Loaded for people only: a server in a container never needs it. */
async function readable(stream: Writable): Promise<Writable> {
  const { default: pretty } = await import('pino-pretty')
  const drawn = pretty({ destination: stream, sync: true, ignore: 'pid,hostname' })
  return new Writable({
    decodeStrings: false,
    write(lines: string, _encoding, done) {
      for (const line of lines.split('\n')) if (line !== '') drawn.write(`${shownLine(line)}\n`)
      done()
    },
  })
}

/** Drawn, a text of others could end its line and begin another one, or steer the terminal. */
function shownLine(line: string): string {
  return JSON.stringify(shown(JSON.parse(line)))
}

function shown(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return name === 'stack' ? visible(value) : harmless(value)
  if (Array.isArray(value)) return value.map((item) => shown(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [harmless(key), shown(member, key)]))
}

/** A message for the terminal without the secrets of the configuration. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return redacted(text, spelled(secrets, harmless))
}

/**
 * Secrets are taken out of finished lines, wherever they got into them: paths and objects can't be listed for errors of
 * libraries. In a line they stand as it writes texts, or percent-encoded in an address.
 */
function spelled(secrets: readonly string[], written: (secret: string) => string): readonly string[] {
  const spellings = new Set(secrets.flatMap((secret) => [written(secret), encodeURIComponent(secret)]))
  // The longest first: one may be part of another.
  return [...spellings].sort((a, b) => b.length - a.length)
}

function redacted(text: string, spellings: readonly string[]): string {
  return spellings.reduce((line, secret) => line.replaceAll(secret, '[redacted]'), text)
}
