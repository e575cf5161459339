/** Products that go away and come back: each behind a process that is ended at random and started again. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Child, Start } from '../bench/harness/processes.ts'
import type { Random } from '../src/sources/threatconnect/simulator/corpus/random.ts'

export interface Front {
  /** Where the product is for its clients, whether it is there or not. */
  readonly url: string
}

export interface Fronts {
  /** @param url of the product */
  before(url: string): Promise<Front>
  /** One after the other goes away for a while, until told otherwise. */
  restart(times: FrontTimes): { readonly restarts: number; end(): Promise<void> }
}

/** Milliseconds at most: all are there, one is away. */
export interface FrontTimes {
  readonly together: number
  readonly away: number
}

/** Below those that the system gives to connections, so that nobody else has them while a product is away. */
const ports = { from: 20_000, to: 30_000 }

export function createFronts(start: Start, random: Random): Fronts {
  const all: { readonly port: number; readonly product: string; child: Child }[] = []
  const open = (port: number, product: string) => start(['trials/children/front.ts', String(port), product])
  return {
    async before(product) {
      const port = await freePort()
      const child = await open(port, product)
      all.push({ port, product, child })
      return { url: child.url }
    },
    restart({ together, away }) {
      let restarts = 0
      const stopped = new AbortController()
      const work = async () => {
        while (!stopped.signal.aborted) {
          await wait(random.below(together), undefined, { signal: stopped.signal }).catch(() => {})
          if (stopped.signal.aborted) return
          const front = random.pick(all)
          await front.child.kill()
          await wait(random.below(away))
          front.child = await open(front.port, front.product)
          restarts++
        }
      }
      const working = work()
      return {
        get restarts() {
          return restarts
        },
        async end() {
          stopped.abort()
          await working
        },
      }
    },
  }
}

/** Another one each time, whatever the seed: two trials at once must not take each other's. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(ports.from, ports.to)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
