/** What a command writes: results to standard output, everything else to standard error. */
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'

/**
 * Control characters of foreign text would steer the terminal, and marks of direction would put it in another order
 * than it has. Line ends and tabs are ours: tables and lists are made of them.
 */
const steering = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** What would steer a terminal as `\u001b`: to be seen in a table, and in JSON the same text as before. */
export function visible(text: string): string {
  return text.replace(steering, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Foreign text as a part of one line. */
export function harmless(text: string): string {
  return visible(text.replace(/[\t\n\r]+/g, ' '))
}

/**
 * Writes a result, and waits while the reader is slower than we are.
 * @param signal ends the wait
 * @throws the signal's reason
 */
export async function print(text: string, signal?: AbortSignal): Promise<void> {
  if (process.stdout.write(visible(text))) return
  try {
    await once(process.stdout, 'drain', { ...(signal !== undefined && { signal }) })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

/** Lines for whoever watches: errors, warnings, hints. */
export function tell(text: string): void {
  process.stderr.write(`${visible(text)}\n`)
}

/** A reader that went away (`| head`) ends the command quietly; a result that can't be written is a failure. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    tell(`the result could not be written: ${error.message}`)
    process.exit(1)
  })
  // Whoever does not listen to standard error misses a message, and nothing else.
  process.stderr.on('error', () => {})
}

/** Whether this began on a terminal that is no longer there: a SIGHUP tells of that, too. */
export function hasLostTerminal(): boolean {
  if (!process.stdout.isTTY && !process.stdin.isTTY) return false
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return false
  } catch {
    return true
  }
}

/** A server goes on when nobody reads its log any more. */
export function outliveReader(): void {
  process.stdout.removeAllListeners('error').on('error', () => {})
}
