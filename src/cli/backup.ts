/** `feed-server backup`: everything that the store holds, in one file. */
import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import { version } from '../version.ts'
import { counted } from './formats.ts'
import { interruptible } from './interruptible.ts'
import { configOf } from './load-config.ts'
import { print } from './terminal.ts'

interface Options {
  readonly json?: true
}

const examples = `
Examples:
  feed-server backup feeds.backup
  feed-server backup --json /var/backups/feeds-$(date +%F).backup
`

export function backupCommand(program: Command): void {
  program
    .command('backup')
    .argument('<file>', 'written anew; one that is there is replaced once the new one is complete')
    .option('--json', '{ file, bytes, rows } as JSON: rows of each table')
    .description(
      'Writes a consistent copy of the store to a file. A PostgreSQL may be in use meanwhile; an embedded store is to be backed up while its server is stopped.',
    )
    .addHelpText('after', examples)
    .action(async (file: string, { json }: Options) => {
      const config = configOf(program)
      // The store is loaded for those who need it.
      const { backup } = await import('../store/postgres/backup.ts')
      const { noteCommand } = await import('../store/postgres/operations/open.ts')
      const { withStoreConnection } = await import('./store-connection.ts')
      const { rowProgress } = await import('./row-progress.ts')
      await interruptible(config, (log, signal) =>
        withStoreConnection(config.store, { log, create: false }, async (connection) => {
          const { progress, stop } = rowProgress('backup', 'counting')
          const path = resolve(file)
          const options = { connection, file: path, program: version, now: new Date(), signal }
          try {
            const { rows, bytes } = await backup({ ...options, ...(progress && { progress }) })
            stop()
            const done = { action: 'store.backup', subject: basename(path), details: { bytes } }
            await noteCommand({ connection, log, now: Date.now(), ...done })
            const words = `${file}: ${contents(rows)}, ${(bytes / 1e6).toFixed(1)} MB.\n`
            await print(json ? `${JSON.stringify({ file: path, bytes, rows })}\n` : words)
          } finally {
            stop()
          }
        }),
      )
    })
}

/** What people know of the tables. */
export function contents(rows: Readonly<Record<string, number>>): string {
  const all = Object.values(rows).reduce((sum, count) => sum + count, 0)
  return [
    counted(rows.indicator ?? 0, 'indicator'),
    counted(rows.observation ?? 0, 'record'),
    counted(rows.run ?? 0, 'run'),
    `${counted(all, 'row')} in all`,
  ].join(', ')
}
