/** What the store keeps of exports, in PostgreSQL. */
import type { DeliveryStore } from '../../delivery-store.ts'
import type { Database } from '../database.ts'
import { claims } from './claim.ts'
import { createExports } from './create.ts'
import { exporters } from './exporters.ts'
import { forwarding } from './forward.ts'
import { forwardPlans } from './forward-due.ts'
import { pruning } from './prune.ts'
import { readExports } from './read.ts'
import { replays } from './replay.ts'
import { room } from './room.ts'
import { settlements } from './settle.ts'

/** @param now for what has no time of its own */
export function deliveryStore(database: Database, now = () => new Date()): DeliveryStore {
  return {
    ...createExports(database),
    ...readExports(database),
    ...replays(database),
    ...claims(database, now),
    ...settlements(database),
    ...exporters(database),
    ...room(database),
    ...forwarding(database),
    ...forwardPlans(database),
    ...pruning(database),
  }
}
