/** How a command writes its result. */
import type { Command } from 'commander'
import { CommandError } from './failure.ts'

export interface FormatOptions {
  readonly json?: true
  readonly ndjson?: true
  readonly markdown?: true
}

export type Format = 'table' | 'json' | 'ndjson' | 'markdown'

export function addFormats(command: Command): Command {
  return command
    .option('--json', 'the answer of the HTTP API, as JSON')
    .option('--ndjson', 'one item a line, as JSON')
    .option('--markdown', 'the War Room table')
}

export function formatOf(options: FormatOptions): Format {
  const chosen = (['json', 'ndjson', 'markdown'] as const).filter((format) => options[format])
  if (chosen.length > 1) {
    throw new CommandError(`--${chosen.join(' and --')} exclude each other: choose one`, 2)
  }
  return chosen[0] ?? 'table'
}

/** `1 record`, `2 records`. */
export function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
