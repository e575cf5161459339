/** How checks of several values report: by path. */
import type { Located } from './located.ts'
import { guess, received } from './takes.ts'
import type { Report } from './yaml.ts'

export interface CheckContext {
  readonly report: Report
  readonly warn: Report
  /** What stands at each path. */
  readonly nodes: ReadonlyMap<string, Located>
  readonly readFile: (path: string) => string
}

/** The node at a path, or of the nearest that holds it. */
export function nodeAt(path: string, { nodes }: CheckContext): Located {
  for (let at = path; at !== ''; at = at.replace(/(?:^|\.|\[)[^.[]*$/, '')) {
    const node = nodes.get(at)
    if (node !== undefined) return node
  }
  return nodes.get('') ?? { kind: 'unreadable', at: { line: 1, column: 1 } }
}

export function report(path: string, message: string, context: CheckContext): void {
  context.report(nodeAt(path, context).at, path, message)
}

/** `takes …; received …; did you mean …?` */
export function reportWord(
  path: string,
  takes: string,
  known: readonly string[],
  context: CheckContext,
): void {
  const node = nodeAt(path, context)
  const typed = node.kind === 'scalar' && node.references.length === 0 ? String(node.value) : undefined
  const hint = typed === undefined ? '' : guess(typed, known)
  report(path, `takes ${takes}; received ${received(node, { type: 'string' })}${hint}`, context)
}

/** `there are: a, b`. Those whose name was refused have none. */
export function named(things: readonly { readonly name: string }[]): string {
  const names = things.map(({ name }) => name).filter((name) => name !== '')
  return names.length === 0 ? 'there is none' : `there are: ${names.join(', ')}`
}

/** Whether it could be read at all: what was reported as a whole is not looked into. */
export function isReadable(path: string, kind: 'map' | 'list', context: CheckContext): boolean {
  return nodeAt(path, context).kind === kind
}
