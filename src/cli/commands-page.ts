/** `docs/commands.md`: the help of every command, as the program prints it. A part of `npm run generate`. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { program } from './program.ts'

export const commandsFile = 'docs/commands.md'

export async function commandsPage(): Promise<string> {
  const whole = await program()
  const sections = leaves(whole, whole.name()).map(
    ([name, command]) => `## ${name}\n\n\`\`\`text\n${helpOf(command).trim()}\n\`\`\`\n`,
  )
  return `# Commands

What \`feed-server COMMAND --help\` prints. The configuration is that of \`--config FILE\`, else of \`FEED_CONFIG\`, else
\`./feed-server.yaml\`; without any file a ThreatConnect source is made of \`TC_BASE_URL\`, \`TC_ACCESS_ID\` and
\`TC_SECRET_KEY\`.

- **Exit codes**: 0 good; 1 failed; 2 bad usage or configuration; 129, 130, 143: ended by SIGHUP, SIGINT, SIGTERM.
- **Results** are on standard output; errors, warnings, progress and logs on standard error (the log of \`serve\` and \`demo\` is
  standard output). A progress bar is drawn on a terminal only.
- **\`--json\`**: the result as JSON, one document or, where the help says so, one a line. After a failure standard output holds
  what was known before (the receipt of a failed fetch, the report of a check), else nothing; the reason is text on standard
  error, and the exit code is the same as without \`--json\`.
- **Beside a running server** with an embedded store, \`fetch\`, \`push\`, \`audit\` and \`support-bundle\` go through its API; the key
  for that is in the store's folder, for the server's user only. \`backup\` and \`restore\` need the store for themselves.

${sections.join('\n')}`
}

/** Those that do something, each with its whole name. */
function leaves(command: Command, name: string): (readonly [string, Command])[] {
  const visible = command.createHelp().visibleCommands(command)
  const below = command.commands.filter((each) => visible.includes(each))
  if (below.length === 0) return [[name, command]]
  return below.flatMap((each) => leaves(each, `${name} ${each.name()}`))
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (more) => {
      text += more
    },
    getOutHelpWidth: () => 110,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(resolve(import.meta.dirname, '../..', commandsFile), await commandsPage())
  console.log(commandsFile)
}
