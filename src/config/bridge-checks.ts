/** What the two sides of bridges say of their own settings: templates that can't be read, queues that two drain. */
import { type CheckContext, isReadable, nodeAt, report } from './check-context.ts'
import type { ConfigProblem } from './problem.ts'
import type { DeskKind, FileConfig, SinkKind } from './schema.ts'

/** @param reported so far: what a stand-in is in the place of is not reported twice */
export function checkSinks(
  { bridges }: FileConfig,
  sinks: readonly SinkKind[],
  context: CheckContext,
  reported: readonly ConfigProblem[],
): void {
  for (const [index, { incidentSink }] of bridges.entries()) {
    const settings = `bridges[${index}].incidentSink.settings`
    const sink = sinks.find(({ kind }) => kind === incidentSink.kind)
    if (sink?.problems === undefined || !isReadable(settings, 'map', context)) continue
    const before = new Set(reported.map(({ path }) => path))
    for (const { path, detail } of sink.problems(incidentSink.settings, context.readFile)) {
      const at = `${settings}.${path}`
      if (!before.has(at)) report(at, detail, context)
    }
  }
}

/** What one bridge acknowledges the other never gets. */
export function checkQueues(
  { bridges }: FileConfig,
  desks: readonly DeskKind[],
  context: CheckContext,
): void {
  const first = new Map<string, string>()
  for (const [index, { name, ticketDesk }] of bridges.entries()) {
    const path = `bridges[${index}].ticketDesk.settings`
    const desk = desks.find(({ kind }) => kind === ticketDesk.kind)
    if (desk?.queues === undefined || !isReadable(path, 'map', context)) continue
    const queues = desk.queues(ticketDesk.settings)
    const shared = queues.find((queue) => first.has(queue))
    if (shared !== undefined) {
      const message = `the bridge "${first.get(shared)}" takes ${shared}, too: each ticket goes to one of the two only`
      context.warn(nodeAt(path, context).at, path, message)
    }
    for (const queue of queues) if (!first.has(queue)) first.set(queue, name)
  }
}
