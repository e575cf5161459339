/** `feed-server restore`: puts a backup into an empty store, embedded or not. */
import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import { contents } from './backup.ts'
import { interruptible } from './interruptible.ts'
import { configOf } from './load-config.ts'
import { print } from './terminal.ts'

interface Options {
  readonly json?: true
}

const examples = `
Examples:
  feed-server restore feeds.backup
  FEED_STORE_URL=postgres://feed@db.example.org/feed feed-server restore feeds.backup
`

export function restoreCommand(program: Command): void {
  program
    .command('restore')
    .argument('<file>', 'what `feed-server backup` wrote')
    .option('--json', '{ file, rows } as JSON: rows of each table')
    .description(
      'Puts a backup into the store, all of it or nothing. The store must be empty: a folder that does not exist yet, or a database of its own.',
    )
    .addHelpText('after', examples)
    .action(async (file: string, { json }: Options) => {
      const config = configOf(program)
      // The store is loaded for those who need it.
      const { restore } = await import('../store/postgres/backup-restore.ts')
      const { noteCommand } = await import('../store/postgres/operations/open.ts')
      const { withStoreConnection } = await import('./store-connection.ts')
      const { rowProgress } = await import('./row-progress.ts')
      await interruptible(config, (log, signal) =>
        withStoreConnection(config.store, { log, create: true }, async (connection) => {
          const { progress, stop } = rowProgress('restore', 'reading the file')
          const path = resolve(file)
          try {
            const rows = await restore({ connection, file: path, log, signal, ...(progress && { progress }) })
            stop()
            const done = { action: 'store.restore', subject: basename(path) }
            await noteCommand({ connection, log, now: Date.now(), ...done })
            const words = `Restored from ${file}: ${contents(rows)}.\n`
            await print(json ? `${JSON.stringify({ file: path, rows })}\n` : words)
          } finally {
            stop()
          }
        }),
      )
    })
}
