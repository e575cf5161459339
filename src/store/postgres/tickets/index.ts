/** What the store keeps of bridges, in PostgreSQL. */
import type { TicketStore } from '../../ticket-store.ts'
import type { Database } from '../database.ts'
import { acknowledgements } from './acknowledge.ts'
import { changes } from './changes.ts'
import { bridges } from './health.ts'
import { inbox } from './inbox.ts'
import { polls } from './polls.ts'
import { pruning } from './prune.ts'
import { readTickets } from './read.ts'
import { settingRight } from './set-right.ts'
import { steps } from './step.ts'
import { workers } from './work.ts'

export function ticketStore(database: Database): TicketStore {
  return {
    ...bridges(database),
    ...polls(database),
    ...inbox(database),
    ...acknowledgements(database),
    ...workers(database),
    ...steps(database),
    ...changes(database),
    ...readTickets(database),
    ...settingRight(database),
    ...pruning(database),
  }
}
