/** Small programs of the system and of the engine, run to their end. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import type { Account } from './account.ts'

/** Nothing of our environment, which holds secrets, goes to the engine; messages are in English, as we read them. */
export const plainEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin',
  LC_ALL: 'C',
}

export interface RunOptions {
  /** Absent: as ourselves. */
  readonly account?: Account
  readonly env?: Readonly<Record<string, string>>
  /** Open files that it gets as its descriptors 3, 4, … */
  readonly descriptors?: readonly number[]
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Both streams. */
  readonly output: string
}

/** @throws Error as `spawn` does, where it can't even be started */
export async function run(
  command: string,
  args: readonly string[],
  { account, env = plainEnvironment, descriptors = [] }: RunOptions = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd: '/',
    env,
    stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
    ...(account?.other && { uid: account.uid, gid: account.gid }),
  })
  const closed = new Promise<Omit<Ended, 'output'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('a pipe was asked for')
  const [ended, ...output] = await Promise.all([closed, text(stdout), text(stderr)])
  return { ...ended, output: output.join('').trim() }
}
