/** `feed-server`: the command line. Each command is a file of this folder, loaded when it is asked for. */
import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { describe, type ExitCode, exitCodeOf } from './failure.ts'
import { endWithReader, tell } from './terminal.ts'
import { explainUsage } from './usage.ts'

/** @param argv without the program's own name */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  endWithReader()
  try {
    const command = await program(argv[0])
    await command.parseAsync([...argv], { from: 'user' })
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

Exit codes: 0 good, 1 failed, 2 bad usage or configuration. With --json a result is JSON on standard output, one
document or one a line; errors, warnings and progress stay text on standard error.

Nothing configured yet? feed-server demo
`

type Add = (program: Command) => void

/** In the order of the help. Those that need connectors take ten times as long to load as those that need none. */
const commands: ReadonlyMap<string, () => Promise<Add>> = new Map([
  ['serve', async () => (await import('./serve.ts')).serveCommand],
  ['demo', async () => (await import('./demo.ts')).demoCommand],
  ['simulate', async () => (await import('./simulate.ts')).simulateCommand],
  ['get-indicators', async () => (await import('./get-indicators.ts')).getIndicatorsCommand],
  ['get-owners', async () => (await import('./get-owners.ts')).getOwnersCommand],
  ['fetch', async () => (await import('./fetch.ts')).fetchCommand],
  ['push', async () => (await import('./push.ts')).pushCommand],
  ['backup', async () => (await import('./backup.ts')).backupCommand],
  ['restore', async () => (await import('./restore.ts')).restoreCommand],
  ['audit', async () => (await import('./audit.ts')).auditCommand],
  ['check', async () => (await import('./check.ts')).checkCommand],
  ['health', async () => (await import('./health.ts')).healthCommand],
  ['support-bundle', async () => (await import('./support-bundle.ts')).supportBundleCommand],
  ['install-fields', async () => (await import('./install-fields.ts')).installFieldsCommand],
  ['config', async () => (await import('./config.ts')).configCommand],
  ['keys', async () => (await import('./keys.ts')).keysCommand],
  ['completion', async () => (await import('./completion.ts')).completionCommand],
  ['__complete', async () => (await import('./complete.ts')).completeCommand],
])

/** Those whose answer is about the others. */
const aboutAll: ReadonlySet<string> = new Set(['completion'])
const needNone: ReadonlySet<string> = new Set(['--version', '-V'])

/** @param first of the arguments: where it names a command, no other one is loaded; absent: all are */
export async function program(first?: string): Promise<Command> {
  const command = new Command('feed-server')
    .description('Threat indicators from ThreatConnect for SOARs, firewalls and detection products.')
    .version(version)
    .option('--config <file>', 'configuration file; else FEED_CONFIG, else ./feed-server.yaml')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', surroundings)
    .showSuggestionAfterError()
    .exitOverride()
  for (const add of await Promise.all(neededFor(first))) add(command)
  explainUsage(command, command.name())
  return command
}

function neededFor(first = ''): readonly Promise<Add>[] {
  const only = commands.get(first)
  if (needNone.has(first)) return []
  return only === undefined || aboutAll.has(first) ? [...commands.values()].map((load) => load()) : [only()]
}
