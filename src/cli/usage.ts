/** Mistakes of usage, in one or two lines: what was received, what is taken, what was perhaps meant, where the help is. */
import type { Argument, Command, Option } from 'commander'
import { didYouMean } from '../did-you-mean.ts'

/** For the command and all below it. @param name as it is typed, from the program on */
export function explainUsage(command: Command, name: string): void {
  const { commands } = command
  command.showHelpAfterError(
    `(${name} --help shows its ${commands.length > 0 ? 'commands' : 'options and examples'})`,
  )
  command.configureOutput({ outputError: (text, write) => write(explained(text, command)) })
  for (const each of commands) explainUsage(each, `${name} ${each.name()}`)
}

/** What commander says, completed by what it knows and leaves out. Its own words stay: scripts and people know them. */
function explained(text: string, command: Command): string {
  const line = text.replace(/\n$/, '')
  const [, argument] = /^error: missing required argument '([^']+)'$/.exec(line) ?? []
  if (argument !== undefined) return `${line}${takes(argumentNamed(command, argument)?.description)}\n`
  const [lacking] =
    /^error: (?:option '([^']+)' argument missing|required option '([^']+)' not specified)$/
      .exec(line)
      ?.slice(1)
      .filter(Boolean) ?? []
  if (lacking !== undefined) return `${line}${takes(optionWith(command, lacking)?.description)}\n`
  const [, flags, given, choices] =
    /^error: (?:option|command-argument value) '([^']+)'(?: argument '([^']*)')? is invalid(?:.*)\. Allowed choices are (.+)\.$/.exec(
      line,
    ) ?? []
  if (flags !== undefined) {
    const meant = didYouMean(given ?? flags, choices?.split(', ') ?? [])
    return meant === undefined ? text : `${line}\n(Did you mean ${meant}?)\n`
  }
  return text
}

function takes(description: string | undefined): string {
  return description === undefined || description === '' ? '' : `: ${description}`
}

function argumentNamed(command: Command, name: string): Argument | undefined {
  return command.registeredArguments.find((each) => each.name() === name)
}

/** Its own, or of one of those above it. */
function optionWith(command: Command, flags: string): Option | undefined {
  const found = command.options.find((option) => option.flags === flags)
  return found ?? (command.parent === null ? undefined : optionWith(command.parent, flags))
}
