/** `feed-server push`: one export now, with its receipt. */
import { type Command, Option } from 'commander'
import { interruptible } from './interruptible.ts'
import { loadedConfig } from './load-config.ts'

interface Options {
  readonly feed?: string
  readonly file?: string
  readonly action: 'upsert' | 'remove'
  readonly option?: readonly string[]
  readonly resume?: true
  readonly dryRun?: true
  readonly json?: true
}

const examples = `
Examples:
  feed-server push darktrace --feed block-domain
  feed-server push cofense --file values.txt --dry-run
  feed-server push secureworks --file - --action remove < values.txt
  feed-server push darktrace --feed block-ip --option expireAfterDays=7 --json
`

export function pushCommand(program: Command): void {
  const command = program
    .command('push')
    .argument('<exporter>', 'one of the configured exporters')
    .addOption(new Option('--feed <name>', 'what the feed lists now').conflicts('file'))
    .option(
      '--file <path>',
      'one value a line ("#" begins a comment), or NDJSON of the unified model; - is standard input',
    )
    .addOption(
      new Option('--action <action>', 'what the product is to do')
        .choices(['upsert', 'remove'])
        .default('upsert'),
    )
    .option(
      '--option <name=value>',
      "overrides one of the exporter's settings for this push; may be repeated",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option('--resume', 'a paused exporter goes on, after its cause was mended')
    .option('--dry-run', 'sends nothing, and shows what would be sent')
    .option('--json', 'the receipt (or the dry run) as the HTTP API answers it, as JSON')
    .description(
      'Sends indicators to a product, and shows the receipt; exits with 1 if any was refused or given up, or while the product is paused.',
    )
  command
    .addHelpText('after', examples)
    .action(async (exporter: string, { feed, file, option = [], ...options }: Options) => {
      if (feed === undefined && file === undefined) command.error('error: one of --feed and --file is needed')
      const { config } = loadedConfig(program)
      // The store is loaded for those who need it.
      const { pushNow } = await import('./push-now.ts')
      await interruptible(config, (log, signal) =>
        pushNow({
          ...{ config, log, signal, exporter, action: options.action, options: option },
          ...(feed !== undefined && { feed }),
          ...(file !== undefined && { file }),
          resume: options.resume === true,
          dryRun: options.dryRun === true,
          json: options.json === true,
        }),
      )
    })
}
