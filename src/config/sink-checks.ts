/** What incident sinks say of their own settings: templates that can't be read. */
import { type CheckContext, isReadable, report } from './check-context.ts'
import type { ConfigProblem } from './problem.ts'
import type { FileConfig, SinkKind } from './schema.ts'

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
