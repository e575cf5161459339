/**
 * Locks on files that the system itself gives back when the last process that holds them ends, however it ends. A lock
 * belongs to the open file: `flock` takes it for a descriptor that it shares with us, and ends.
 */
import { closeSync, openSync } from 'node:fs'
import { codeOf, faultOf, remedyOf, StoreUnavailable } from './errors.ts'
import { run } from './run.ts'

export interface FileLock {
  /** Open for reading and writing. A process that gets it shares the lock. */
  readonly descriptor: number
  /** Gives it back, unless another process shares it. */
  release(): void
}

/**
 * @param program takes a descriptor and locks what is open there, as `flock` of util-linux and busybox does
 * @returns undefined when another process holds it
 * @throws StoreUnavailable when it can't be known
 */
export async function tryLock(path: string, program = 'flock'): Promise<FileLock | undefined> {
  const descriptor = open(path)
  try {
    const { code, output } = await run(program, ['-n', '-x', '3'], { descriptors: [descriptor] })
    if (code === 0) return { descriptor, release: () => closeSync(descriptor) }
    closeSync(descriptor)
    // Both known programs say 1 for "held", and say more of any other failure.
    if (code === 1 && output === '') return undefined
    throw new StoreUnavailable(`${path} can't be locked (${output || `${program} ended with ${code}`})`)
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    closeSync(descriptor)
    const missing = codeOf(error) === 'ENOENT'
    const because = missing
      ? `the program "${program}" of util-linux or busybox is missing: install it`
      : faultOf(error)
    throw new StoreUnavailable(`${path} can't be locked: ${because}`, { cause: error })
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'a+', 0o600)
  } catch (error) {
    throw new StoreUnavailable(`${path} can't be written: ${faultOf(error)}`, {
      cause: error,
      remedy: remedyOf(error),
    })
  }
}
