/** `kill -9` again and again: what the programs that do so share. */
import { setTimeout as wait } from 'node:timers/promises'
import { processesIn } from '../bench/harness/measure.ts'
import type { Random } from '../src/sources/threatconnect/simulator/corpus/random.ts'

/** One in so many dies while it starts. */
const stillborn = 5
const longestStartMs = 1500
/** A database ends by itself within this time once its server is gone. */
const orphanMs = 10_000

export interface Kills {
  readonly kills: number
  readonly random: Random
  /** A life begins. */
  spawn(): { kill(): Promise<void> }
  /** Returns at a random moment while it works. */
  working(): Promise<void>
}

/**
 * Starts a server and ends it, so many times: most while they work, some while they start. The next one starts when the
 * last one is gone; the database of that is told by nobody.
 * @returns how many worked
 */
export async function killAgain({ kills, random, spawn, working }: Kills): Promise<number> {
  let worked = 0
  for (let kill = 0; kill < kills; kill++) {
    const life = spawn()
    if (random.below(stillborn) === 0) await wait(random.below(longestStartMs))
    else {
      await working()
      worked++
    }
    await life.kill()
  }
  return worked
}

/** @throws Error where a database goes on without its server */
export async function expectNoOrphans(folder: string): Promise<void> {
  const last = Date.now() + orphanMs
  while (processesIn(folder).length > 0 && Date.now() < last) await wait(50)
  const survivors = processesIn(folder).length
  if (survivors > 0) throw new Error(`${survivors} processes of a database are left`)
}
