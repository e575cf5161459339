/** `feed-server`: the command line. Each command is a file of this folder. */
import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { backupCommand } from './backup.ts'
import { checkCommand } from './check.ts'
import { configCommand } from './config.ts'
import { demoCommand } from './demo.ts'
import { describe, type ExitCode, exitCodeOf } from './failure.ts'
import { fetchCommand } from './fetch.ts'
import { getIndicatorsCommand } from './get-indicators.ts'
import { getOwnersCommand } from './get-owners.ts'
import { installFieldsCommand } from './install-fields.ts'
import { keysCommand } from './keys.ts'
import { pushCommand } from './push.ts'
import { restoreCommand } from './restore.ts'
import { serveCommand } from './serve.ts'
import { simulateCommand } from './simulate.ts'
import { endWithReader, tell } from './terminal.ts'

/** @param argv without the program's own name */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  endWithReader()
  try {
    await program().parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    tell(describe(error))
    const code = exitCodeOf(error)
    // After a signal nothing waits for a reader that may never come back.
    if (code > 2) process.exit(code)
    return code
  }
}

const surroundings = `
Without a configuration file a ThreatConnect source is made of TC_BASE_URL, TC_ACCESS_ID and TC_SECRET_KEY (or
TC_TOKEN), each also as …_FILE. FEED_HOST, FEED_PORT, FEED_STORE_URL and FEED_LOG_LEVEL override the file.

Exit codes: 0 good, 1 failed, 2 bad usage or configuration.
Nothing configured yet? feed-server demo
`

function program(): Command {
  const command = new Command('feed-server')
    .description('Threat indicators from ThreatConnect for SOARs, firewalls and detection products.')
    .version(version)
    .option('--config <file>', 'configuration file; else FEED_CONFIG, else ./feed-server.yaml')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', surroundings)
    .showSuggestionAfterError()
    .exitOverride()
  for (const subcommand of [
    serveCommand,
    demoCommand,
    simulateCommand,
    getIndicatorsCommand,
    getOwnersCommand,
    fetchCommand,
    pushCommand,
    backupCommand,
    restoreCommand,
    checkCommand,
    installFieldsCommand,
    configCommand,
    keysCommand,
  ]) {
    subcommand(command)
  }
  leadToHelp(command, command.name())
  return command
}

/** After a mistake each command leads to its own help. */
function leadToHelp(command: Command, name: string): void {
  command.showHelpAfterError(
    `(${name} --help shows its ${command.commands.length > 0 ? 'commands' : 'options'})`,
  )
  for (const each of command.commands) leadToHelp(each, `${name} ${each.name()}`)
}
