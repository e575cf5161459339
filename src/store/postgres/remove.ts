/** What is old is removed bit by bit: one statement for millions of rows would not end within its time, and again and again. */
import type { Database } from './database.ts'

/** Rows that one statement removes. */
export const removedAtOnce = 5_000

/**
 * @param statement removes at most `removedAtOnce` rows: `limit ${removedAtOnce}`
 * @returns how many rows went
 */
export async function removeAll(
  database: Database,
  statement: string,
  values: readonly unknown[],
): Promise<number> {
  let removed = 0
  for (;;) {
    const count = await database.execute(statement, values)
    removed += count
    if (count < removedAtOnce) return removed
  }
}
