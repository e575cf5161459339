/** What a shell can offer where the command line takes a value: as the tree of commands says it. */
import { Argument, type Command, type Option } from 'commander'

/** Names of the configuration; connectors: sources, exporters and bridges. */
export const nameKinds = ['sources', 'exporters', 'bridges', 'feeds', 'connectors'] as const
export type NameKind = (typeof nameKinds)[number]

export type Values =
  | { readonly kind: 'files' }
  | { readonly kind: 'names'; readonly of: NameKind }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** Nobody can guess it. */
  | { readonly kind: 'any' }

export interface Word {
  readonly word: string
  readonly description: string
}

/** One command, or the program itself. */
export interface Context {
  /** As it is typed, without the program: `config print`; empty for the program itself. */
  readonly path: string
  readonly commands: readonly Word[]
  /** Each spelling of each option: `-h` and `--help` are two. */
  readonly options: readonly (Word & { readonly takes?: Values })[]
  /** In their order; the last may be repeated. */
  readonly operands: readonly Values[]
}

/** All of the program, hidden commands left out. */
export function contextsOf(program: Command): readonly Context[] {
  return [...walk(program, '', []), helpContext(program)]
}

/** commander makes this command by itself and does not list it. */
function helpContext(program: Command): Context {
  const words = shown(program).map((each) => each.name())
  return { path: 'help', commands: [], options: [], operands: [{ kind: 'words', words }] }
}

function walk(command: Command, path: string, above: readonly Option[]): Context[] {
  const options = [...command.options, ...above]
  const help = { word: '--help', description: 'help for this command' }
  const own: Context = {
    path,
    commands: shown(command).map((each) => ({ word: each.name(), description: firstSentence(each) })),
    options: [...options.flatMap(spellings), help],
    operands: command.registeredArguments.map(valuesOf),
  }
  const globals = options.filter(({ long }) => long !== '--version')
  return [own, ...shown(command).flatMap((each) => walk(each, `${path} ${each.name()}`.trim(), globals))]
}

function shown(command: Command): readonly Command[] {
  const visible = command.createHelp().visibleCommands(command)
  return command.commands.filter((each) => visible.includes(each))
}

function firstSentence(command: Command): string {
  return command.description().split(/[.;](?:\s|$)/, 1)[0] ?? ''
}

function spellings(option: Option): (Word & { readonly takes?: Values })[] {
  const takes = option.required || option.optional ? { takes: valuesOf(option) } : {}
  const words = [option.short, option.long].filter((word) => word !== undefined)
  return words.map((word) => ({ word, description: option.description, ...takes }))
}

/** By the name of the place: `--source <name>`, `<exporter>`, `<file>`. */
function valuesOf(place: Option | Argument): Values {
  if (place.argChoices !== undefined) return { kind: 'words', words: place.argChoices }
  const isArgument = place instanceof Argument
  const placeholder = isArgument ? place.name() : (/[<[]([^>\].]+)/.exec(place.flags)?.[1] ?? '')
  if (/^(file|path|folder)$/.test(placeholder.toLowerCase())) return { kind: 'files' }
  if (placeholder === 'boolean') return { kind: 'words', words: ['true', 'false'] }
  const kind = nameKinds.find((each) => each === `${isArgument ? placeholder : place.name()}s`)
  if (kind !== undefined) return { kind: 'names', of: kind }
  return isArgument && placeholder === 'name' ? { kind: 'names', of: 'connectors' } : { kind: 'any' }
}
