/** `feed-server restore`: puts a backup into an empty store, embedded or not. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { contents } from './backup.ts'
import { interruptible } from './interruptible.ts'
import { configOf } from './load-config.ts'
import { print } from './terminal.ts'

export function restoreCommand(program: Command): void {
  program
    .command('restore')
    .argument('<file>', 'what `feed-server backup` wrote')
    .description(
      'Puts a backup into the store, all of it or nothing. The store must be empty: a folder that does not exist yet, or a database of its own.',
    )
    .action(async (file: string) => {
      const config = configOf(program)
      // The store is loaded for those who need it.
      const { restore } = await import('../store/postgres/backup-restore.ts')
      const { withStoreConnection } = await import('./store-connection.ts')
      await interruptible(config, (log, signal) =>
        withStoreConnection(config.store, { log, create: true }, async (connection) => {
          const rows = await restore({ connection, file: resolve(file), log, signal })
          await print(`Restored from ${file}: ${contents(rows)}.\n`)
        }),
      )
    })
}
