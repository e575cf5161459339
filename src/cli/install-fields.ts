/** `feed-server install-fields`: what an incident sink needs and lacks. */
import type { Command } from 'commander'
import { withConnectors } from './connectors.ts'
import { CommandError } from './failure.ts'
import { print } from './terminal.ts'
import { unknownName } from './unknown-name.ts'

const examples = `
Examples:
  feed-server check ctp              # tells which fields are missing
  feed-server install-fields ctp
`

export function installFieldsCommand(program: Command): void {
  program
    .command('install-fields')
    .argument('<bridge>', 'name of the bridge')
    .option('--json', '{ "installed": [names] }')
    .description(
      "Makes the scwx_ctp_* fields that a bridge's IBM SOAR lacks; those that exist stay as they are.",
    )
    .addHelpText('after', examples)
    .action((name: string, options: { json?: true }) =>
      withConnectors(program, async ({ bridges }, signal) => {
        const bridge = bridges.find((each) => each.name === name)
        if (bridge === undefined) {
          const known = bridges.map((each) => each.name)
          throw new CommandError(unknownName('bridge', name, known, 'bridges'), 2)
        }
        const { sink, sinkKind } = bridge
        if (sink.installFields === undefined) {
          throw new CommandError(
            `the sink of "${name}" is of kind ${sinkKind}: it has no fields to install`,
            2,
          )
        }
        const installed = await sink.installFields(signal)
        const words = installed.length === 0 ? 'nothing: every field is there' : installed.join(', ')
        await print(options.json ? `${JSON.stringify({ installed })}\n` : `installed ${words}\n`, signal)
      }),
    )
}
