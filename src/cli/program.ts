/** `feed-server`: the command line. Each command is a file of this folder. */
import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { checkCommand } from './check.ts'
import { configCommand } from './config.ts'
import { demoCommand } from './demo.ts'
import { getIndicatorsCommand } from './get-indicators.ts'
import { getOwnersCommand } from './get-owners.ts'
import { keysCommand } from './keys.ts'
import { serveCommand } from './serve.ts'
import { simulateCommand } from './simulate.ts'
import { CommandError, describe, type ExitCode } from './terminal.ts'

/** @param argv without the program's own name */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  // A reader that went away (`| head`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    await program().parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`${describe(error)}\n`)
    return error instanceof CommandError ? error.exitCode : 1
  }
}

function program(): Command {
  const command = new Command('feed-server')
    .description('Threat indicators from ThreatConnect for SOARs, firewalls and detection products.')
    .version(version)
    .option('--config <file>', 'configuration file; else FEED_CONFIG, else ./feed-server.yaml')
    .showHelpAfterError('(feed-server --help lists the commands and their options)')
    .showSuggestionAfterError()
    .exitOverride()
  for (const subcommand of [
    serveCommand,
    demoCommand,
    simulateCommand,
    getIndicatorsCommand,
    getOwnersCommand,
    checkCommand,
    configCommand,
    keysCommand,
  ]) {
    subcommand(command)
  }
  return command
}
