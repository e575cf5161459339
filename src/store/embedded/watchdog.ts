/**
 * A shell between us and the engine, that ends the engine when we end, however we end: it reads a pipe whose other end
 * we hold open, and the system closes that when we are gone.
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'
import type { Account } from './account.ts'
import { codeOf } from './errors.ts'

/**
 * Descriptor 3 is the pipe, 4 the lock, 5 the data folder; only the engine keeps 4 and 5. Signals that go to all
 * processes of a service or terminal don't end the shells: the engine must outlive the server's last work.
 *
 * When the shell that waits is killed, the one that reads still ends the engine with us, and we are told of the end of
 * the first and end the engine ourselves. When both and we are killed, the next start on the folder ends the engine.
 */
const script = `
trap '' HUP INT TERM
"$@" 3<&- >&2 &
engine=$!
echo "$engine"
exec >&- 2>&- 4<&- 5<&-
(
  read -r nothing <&3
  kill -INT "$engine"
  for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$engine" || exit; done
  kill -QUIT "$engine"
  for second in 1 2 3 4 5; do sleep 1; kill -0 "$engine" || exit; done
  kill -KILL "$engine"
) &
guard=$!
exec 3<&-
wait "$engine"
status=$?
kill -KILL "$guard"
exit "$status"
`

export interface WatchedOptions {
  readonly account: Account
  readonly env: Readonly<Record<string, string>>
  /** Descriptor of the lock that the engine holds as long as one of its processes lives. */
  readonly lock: number
  /** Descriptor of the data folder, which the engine has as its fifth. */
  readonly data: number
  readonly onLine: (line: string) => void
}

export interface Watched {
  /** How the engine ended, in few words, once all it had to say was read. */
  readonly ended: Promise<string>
  /** Sends the engine a signal; nothing happens when it has ended. */
  kill(signal: NodeJS.Signals): void
  /** Whether this process stays alive for it. */
  hold(on: boolean): void
}

/** @throws Error when it can't be started */
export async function watched(
  command: readonly string[],
  { account, env, lock, data, onLine }: WatchedOptions,
): Promise<Watched> {
  const child = spawn('/bin/sh', ['-c', script, 'feed-server-watchdog', ...command], {
    cwd: '/',
    env,
    // Away from the terminal, whose Ctrl-C would reach the engine before us.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', lock, data],
    ...(account.other && { uid: account.uid, gid: account.gid }),
  })
  const [, stdout, stderr, pipe] = child.stdio as unknown as readonly Socket[]
  if (stdout === undefined || stderr === undefined || pipe === undefined)
    throw new Error('pipes were asked for')
  createInterface({ input: stderr }).on('line', onLine)
  let over = false
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    // Of all streams: the engine's processes share one, so that none of them is left.
    child.once('close', (code, signal) => {
      over = true
      resolve(endOf(code, signal))
    })
  })
  const started = pidFrom(stdout, ended)
  child.once('exit', (_code, signal) => {
    pipe.destroy()
    // The watchdog itself was killed. Where the engine had not started, who awaits it is told.
    if (signal !== null) started.then((pid) => send(pid, 'SIGINT')).catch(() => {})
  })
  const pid = await started
  return {
    ended,
    // Until then its process id is nobody else's.
    kill(signal) {
      if (!over) send(pid, signal)
    },
    hold(on) {
      for (const handle of [child, stdout, stderr, pipe]) on ? handle.ref() : handle.unref()
    },
  }
}

async function pidFrom(stdout: Socket, ended: Promise<string>): Promise<number> {
  const first = new Promise<string>((resolve) => createInterface({ input: stdout }).once('line', resolve))
  const line = await Promise.race([first, ended.then((how) => Promise.reject(new Error(how)))])
  return Number(line)
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

/** A shell says 128 and the signal's number of a program that a signal ended. */
function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  const [name] = Object.entries(constants.signals).find(([, number]) => number + 128 === code) ?? []
  if (signal !== null) return `its watchdog was ended by ${signal}`
  return name === undefined ? `it ended with ${code}` : `it was ended by ${name}`
}
