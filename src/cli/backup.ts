/** `feed-server backup`: everything that the store holds, in one file. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { version } from '../version.ts'
import { counted } from './formats.ts'
import { interruptible } from './interruptible.ts'
import { configOf } from './load-config.ts'
import { print } from './terminal.ts'

export function backupCommand(program: Command): void {
  program
    .command('backup')
    .argument('<file>', 'written anew; one that is there is replaced once the new one is complete')
    .description(
      'Writes a consistent copy of the store to a file. A PostgreSQL may be in use meanwhile; an embedded store is to be backed up while its server is stopped.',
    )
    .action(async (file: string) => {
      const config = configOf(program)
      // The store is loaded for those who need it.
      const { backup } = await import('../store/postgres/backup.ts')
      const { withStoreConnection } = await import('./store-connection.ts')
      await interruptible(config, (log, signal) =>
        withStoreConnection(config.store, { log, create: false }, async (connection) => {
          const { rows, bytes } = await backup({
            connection,
            file: resolve(file),
            program: version,
            now: new Date(),
            signal,
          })
          await print(`${file}: ${contents(rows)}, ${(bytes / 1e6).toFixed(1)} MB.\n`)
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
