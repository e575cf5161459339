/** A server of a test in a process of its own: starts the engine, says so in a line, and stops at the end of its input. */
import { type DestinationStream, pino } from 'pino'
import { type EmbeddedOptions, startEmbedded } from '../../../src/store/embedded/start.ts'

export type ServerOptions = Omit<EmbeddedOptions, 'log' | 'now'> & {
  /** Does nothing more once the engine runs, and does not stop it. */
  readonly leave?: boolean
}

/** What the process says, a line of JSON each. */
export type Said =
  | { readonly is: 'log'; readonly msg: string }
  | { readonly is: 'ready'; readonly host: string }
  | { readonly is: 'failed'; readonly name: string; readonly message: string; readonly holder?: unknown }
  | { readonly is: 'ended'; readonly message: string | undefined }

function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

const { leave = false, ...options }: ServerOptions = JSON.parse(process.argv[2] ?? '')
const lines: DestinationStream = { write: (line) => say({ is: 'log', msg: JSON.parse(line).msg }) }
try {
  const embedded = await startEmbedded({ ...options, log: pino({}, lines) })
  say({ is: 'ready', host: embedded.connection.host })
  if (!leave) {
    void embedded.ended.then((error) => say({ is: 'ended', message: error?.message }))
    process.stdin.on('end', () => void embedded.stop()).resume()
  }
} catch (error) {
  const { name, message, holder } = error as Error & { holder?: unknown }
  say({ is: 'failed', name, message, holder })
}
