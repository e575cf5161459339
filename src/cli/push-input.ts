/** The file of a push: one value a line, or NDJSON of the unified model. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { readEntry } from '../pipeline/exports/entries.ts'
import { CommandError } from './failure.ts'

/** Errors that are shown; a file of another kind would have one for each line. */
const shown = 10

/**
 * @param path `-`: standard input
 * @returns entries of `indicators`, as the API takes them
 * @throws CommandError when it can't be read, or with the lines of NDJSON that are wrong
 */
export async function pushEntries(path: string): Promise<readonly unknown[]> {
  const name = path === '-' ? 'standard input' : path
  try {
    const content = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')
    return entriesOf(content, name)
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(`${name} can't be read: ${error instanceof Error ? error.message : error}`, 1)
  }
}

/** @param name of the file, for errors @throws CommandError */
function entriesOf(content: string, name: string): readonly unknown[] {
  const lines = content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line, index): Line => ({ text: line.trim(), number: index + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'))
  return lines[0]?.text.startsWith('{') ? objectsOf(lines, name) : lines.map((line) => line.text)
}

interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

function objectsOf(lines: readonly Line[], name: string): readonly unknown[] {
  const wrong: string[] = []
  const entries = lines.flatMap((line) => {
    const entry = objectOf(line)
    if ('faults' in entry) {
      wrong.push(...entry.faults.map((fault) => `${name}, line ${line.number}: ${fault}`))
      return []
    }
    return [entry.value]
  })
  if (wrong.length === 0) return entries
  const more = wrong.length > shown ? [`and ${wrong.length - shown} more`] : []
  throw new CommandError([...wrong.slice(0, shown), ...more, 'Nothing was sent.'].join('\n'), 1)
}

function objectOf({ text }: Line): { readonly value: unknown } | { readonly faults: readonly string[] } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { faults: [`not JSON: ${error instanceof Error ? error.message : error}`] }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { faults: ['takes an object with members of the unified model'] }
  }
  const entry = readEntry(value, '/indicators/0')
  if (!('errors' in entry)) return { value }
  // The API counts entries; whoever has a file counts lines.
  return { faults: entry.errors.map(({ detail }) => inLine(detail)) }
}

function inLine(detail: string): string {
  return detail
    .replace(/^indicators\[0\]\.?/, '')
    .replace(' in indicators[0].', ' in ')
    .replace(' in indicators[0];', ';')
}
