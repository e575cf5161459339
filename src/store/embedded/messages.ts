/** What the engine says: into our log, and the end of it into the error when it fails. */
import type { Logger } from 'pino'

export interface Messages {
  readonly onLine: (line: string) => void
  /** What it failed of, in its own words; empty when it said nothing. */
  lastWords(): string
}

const kept = 40
const serious = /^(?:.*? )?(?:FATAL|PANIC|ERROR|error):\s+/

export function messages(log: Logger, onLine: (line: string) => void): Messages {
  const lines: string[] = []
  return {
    onLine(line) {
      if (line.startsWith('PANIC:')) log.error({ postgres: line }, 'the embedded PostgreSQL failed')
      else log.debug({ postgres: line }, 'the embedded PostgreSQL says')
      lines.push(line)
      if (lines.length > kept) lines.shift()
      onLine(line)
    },
    lastWords: () => wordsOf(lines),
  }
}

/** The first failure with what explains it: those after it follow from it. Without any, the last lines. */
function wordsOf(lines: readonly string[]): string {
  const first = lines.findIndex((line) => serious.test(line))
  if (first === -1) return lines.slice(-3).join('; ')
  const rest = lines.slice(first + 1)
  const more = rest.findIndex((line) => !/^(?:DETAIL|HINT):|^\s/.test(line))
  const [line = '', ...details] = [lines[first], ...rest.slice(0, more === -1 ? undefined : more)]
  return [line.replace(serious, ''), ...details.map((text) => text.replace(/^[A-Z]+:\s+/, '').trim())].join(
    '; ',
  )
}

const remedies: readonly (readonly [words: RegExp, remedy: string])[] = [
  [/No space left on device|Disk quota exceeded/, 'the disk is full: make room'],
  [/Read-only file system/, 'the file system is read-only: choose another folder (store.url)'],
  [/Permission denied/, 'permission denied: give the folder and all in it to one user'],
  [/Cannot allocate memory|could not map anonymous shared memory/, 'this machine has too little memory'],
]

/** What to do about it, where its words tell. */
export function remedyFor(words: string): string {
  const [, remedy] = remedies.find(([pattern]) => pattern.test(words)) ?? []
  return remedy === undefined ? '' : ` (${remedy})`
}
