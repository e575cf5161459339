/**
 * When a bridge is worked at: `poll/NAME` reads the desk, `bridge/NAME` does everything else, so that trouble with
 * incidents keeps no ticket waiting at its desk. Of each, one replica at a time.
 */
import type { Logger } from 'pino'
import { effectPart } from './effect-part.ts'
import { type BridgeWorkOptions, effectQueue, pollQueue } from './part.ts'
import { pollPart } from './poll-part.ts'

export interface BridgeWork {
  /** Takes part in the work. */
  work(): Promise<void>
  /** Makes the calls that are missing. */
  plan(): Promise<void>
  /** Something is to be done for a ticket. */
  wakeBridge(name: string): Promise<void>
  /** A poll is to be carried out. */
  wakePoll(name: string): Promise<void>
  /** Paused ends are tried once by this process, for which something is mended. */
  tryAnew(name: string): Promise<void>
}

export function bridgeWork(options: BridgeWorkOptions): BridgeWork {
  const { bridges, store, queues, log } = options
  const wakeBridge = (name: string) => queues.call(effectQueue(name), 0)
  const wakePoll = (name: string) => queues.call(pollQueue(name), 0)
  const parts = bridges.map((bridge) => ({
    bridge,
    poll: pollPart(bridge, options, () => toldOf(() => wakeBridge(bridge.name), log)),
    effects: effectPart(bridge, options),
  }))
  let started = false
  return {
    wakeBridge,
    wakePoll,
    async tryAnew(name) {
      const part = parts.find(({ bridge }) => bridge.name === name)
      part?.poll.renew()
      part?.effects.renew()
      await wakePoll(name)
      await wakeBridge(name)
    },
    async work() {
      await store.registerBridges(bridges.map(({ name }) => name))
      for (const { bridge, poll, effects } of parts) {
        await queues.work(pollQueue(bridge.name), poll.look)
        await queues.work(effectQueue(bridge.name), effects.look)
      }
    },
    async plan() {
      for (const { bridge, poll, effects } of parts) {
        await poll.plan()
        // What an earlier process left under way waits for whoever takes over.
        if (started) await effects.plan()
        else await wakeBridge(bridge.name)
      }
      started = true
    },
  }
}

/** It is found later without that. */
async function toldOf(wake: () => Promise<void>, log: Logger): Promise<void> {
  await wake().catch((error: unknown) =>
    log.warn({ err: error }, 'the bridge was not told of new tickets; it finds them later'),
  )
}
