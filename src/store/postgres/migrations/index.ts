/** The schema's history: each entry once, in this order; what has been released never changes. */
import { sql as indicators } from './001-indicators.ts'
import { sql as feeds } from './002-feeds.ts'
import { sql as publications } from './003-publications.ts'
import { sql as reading } from './004-reading.ts'
import { sql as exports } from './005-exports.ts'
import { sql as tickets } from './006-tickets.ts'
import { sql as operations } from './007-operations.ts'
import { sql as bestFirst } from './008-best-first.ts'
import { sql as claimings } from './009-claimings.ts'
import { sql as versionsLeft } from './010-versions-left.ts'

export interface Migration {
  /** For the log. */
  readonly name: string
  readonly sql: string
}

/** The version of a schema is how many of these it has. */
export const migrations: readonly Migration[] = [
  { name: '001-indicators', sql: indicators },
  { name: '002-feeds', sql: feeds },
  { name: '003-publications', sql: publications },
  { name: '004-reading', sql: reading },
  { name: '005-exports', sql: exports },
  { name: '006-tickets', sql: tickets },
  { name: '007-operations', sql: operations },
  { name: '008-best-first', sql: bestFirst },
  { name: '009-claimings', sql: claimings },
  { name: '010-versions-left', sql: versionsLeft },
]
