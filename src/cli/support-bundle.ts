/** `feed-server support-bundle`: what somebody who helps needs to know, in one file, and the proof that it holds no secret. */
import { open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { version } from '../version.ts'
import { CommandError } from './failure.ts'
import { counted } from './formats.ts'
import { print, tell } from './terminal.ts'

interface Options {
  readonly withValues?: true
  readonly withoutDoctor?: true
  readonly json?: true
}

const about = `
It holds: version and machine, the configuration without secrets and its warnings, the doctor's reports, what the store
is and how big, sources with their last 20 fetches, feeds, exporters with their last 20 exports (counts), bridges with
their dead effects, the last 200 entries of the audit log, and the metrics. Beside a running server this comes from its
API, else from the store, which is only read; what can't be had is told in its place.

Names, addresses, paths and filters of your configuration are in it. Values of indicators, ids and contents of tickets,
and what texts of errors quote, are left out; --with-values leaves them in. Before anything is written the text is
searched for every secret of the configuration in every usual spelling; the file ends with what was searched for. Where
one is found, nothing is written, and its place is told. Secrets of fewer than 6 characters are part of ordinary words:
they are not searched for, and the file names their settings.

Examples:
  feed-server support-bundle
  feed-server support-bundle - | less
`

export function supportBundleCommand(program: Command): void {
  program
    .command('support-bundle')
    .argument(
      '[file]',
      'never one that is there already; - is standard output (default support-bundle-TIME.json)',
    )
    .option('--with-values', 'leave in what errors quote, ids of unreadable records, and ids of tickets')
    .option('--without-doctor', 'ask no product anything')
    .option('--json', '{ file, bytes, from, redaction } as JSON')
    .description(
      'Writes a file for whoever helps you: versions, configuration without secrets, the doctor, state of everything; proves that no secret is in it.',
    )
    .addHelpText('after', about)
    .action(async (file: string | undefined, options: Options) => {
      const { withConnectors } = await import('./connectors.ts')
      const { bundled } = await import('./support/bundle.ts')
      await withConnectors(program, async (connectors, signal) => {
        const now = new Date()
        const { text, from, redaction } = await bundled(connectors, {
          ...{ now, version, signal },
          values: options.withValues === true,
          doctor: options.withoutDoctor !== true,
        })
        if (file === '-') return print(text, signal)
        const path = resolve(file ?? `support-bundle-${now.toISOString().replace(/[-:]|\.\d+/g, '')}.json`)
        await writeNew(path, text)
        const bytes = Buffer.byteLength(text)
        if (options.json) return print(`${JSON.stringify({ file: path, bytes, from, redaction })}\n`, signal)
        if (from.kind === 'nothing') tell(`nothing of the store is in it: ${from.why}`)
        if (redaction.tooShort.length > 0) {
          tell(`too short to be searched for: ${redaction.tooShort.join(', ')}; look for them yourself`)
        }
        const searched = `${counted(redaction.secrets, 'secret')} in ${counted(redaction.spellings, 'spelling')}`
        await print(
          `${path}: ${(bytes / 1000).toFixed(1)} kB; searched for ${searched}, found none.\n`,
          signal,
        )
      })
    })
}

/** Whole or not at all, for its owner alone. @throws CommandError */
async function writeNew(path: string, text: string): Promise<void> {
  let made = false
  try {
    const file = await open(path, 'wx', 0o600)
    made = true
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (made) await rm(path, { force: true })
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'it is there already; name another file' : message
    throw new CommandError(`${path} can't be written: ${why}`, 1)
  }
}
