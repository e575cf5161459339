/** Indicators and owners as a table in the terminal. */
import Table from 'cli-table3'
import { harmless } from './terminal.ts'

/** @param rows texts as they came: control characters are taken out here */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  // No colours: the table has to read the same in a pipe, in a log and on a terminal.
  const drawn = new Table({ head: [...head], style: { head: [], border: [] } })
  for (const row of rows) drawn.push(row.map((cell) => harmless(cell)))
  return `${drawn.toString()}\n`
}
