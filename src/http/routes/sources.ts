/** The configured sources: how they stand, and what is wrong with them. */
import Type from 'typebox'
import { type Sources, sourceNamed } from '../../commands/pick-source.ts'
import { type Receipt, receiptOf } from '../../pipeline/receipt.ts'
import type { Fetches } from '../../pipeline/schedule.ts'
import type { RunStore, SourceState } from '../../store/store.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, Enum, Nullable, problems, Ref } from '../schema.ts'
import type { SourceCounts } from '../source-counts.ts'
import { checkAnswer, checked } from './check-schema.ts'
import { runExample, runSchema } from './runs-schema.ts'
import { sourceParams } from './source-params.ts'

/** What the configuration says of a source. */
export interface SourceInfo {
  readonly kind: string
  /** As a duration, `4h`, or `off`. */
  readonly every: string
}

export interface SourceRoutesOptions {
  readonly sources: Sources
  readonly infos: ReadonlyMap<string, SourceInfo>
  readonly store: Pick<RunStore, 'sourceState' | 'unreadable'>
  readonly counts: SourceCounts
  readonly fetches: Fetches
}

const sourceStates = ['waiting', 'fetching', 'succeeded', 'partial', 'failed'] as const

const sourceSchema = Type.Object(
  {
    name: Type.String(),
    kind: Type.String({ description: 'threatconnect' }),
    every: Type.String({ description: 'How often it is fetched, such as 4h; off: only when asked.' }),
    state: Enum(sourceStates, {
      description: 'waiting: no fetch yet; fetching: one is under way; else how the last one ended.',
    }),
    fetched: Type.Boolean({ description: 'Whether a fetch that read anything has ever ended.' }),
    lastRun: Nullable(Ref(runSchema), { description: 'The newest fetch; null: none yet.' }),
    nextFetchAt: Nullable(Type.String({ format: 'date-time' }), {
      description: 'When it is fetched next; null: only when asked.',
    }),
    indicators: Type.Object(
      {
        total: Type.Integer({ minimum: 0 }),
        byType: Type.Unsafe<Record<string, number>>({
          type: 'object',
          additionalProperties: { type: 'integer', minimum: 0 },
        }),
        asOf: Type.String({
          format: 'date-time',
          description:
            'Then they were as many: now, unless a count takes longer than 100 ms and something has changed without a fetch having ended since the last one. That one is told for 20 times as long as it took then, a minute at most.',
        }),
      },
      { description: 'Indicators that the source reports.' },
    ),
  },
  {
    $id: 'Source',
    title: 'Source',
    description: 'A configured source and how it stands; never a secret of it.',
  },
)

const sourceExample = {
  name: 'tc',
  kind: 'threatconnect',
  every: '4h',
  state: 'succeeded',
  fetched: true,
  lastRun: runExample,
  nextFetchAt: '2026-03-10T16:00:00.000Z',
  indicators: { total: 990, byType: { ipv4: 400, domain: 590 }, asOf: '2026-03-10T12:00:05.000Z' },
}

/** Schemas that `createServer` needs for these routes. */
export const sourceSchemas = [sourceSchema, runSchema]

const checkExample = {
  ok: false,
  checks: [
    { name: 'connection', ok: true },
    { name: 'api', ok: true },
    { name: 'clock', ok: true },
    {
      name: 'credentials',
      ok: false,
      cause: 'ThreatConnect knows the access id, but the secret key is not the one that belongs to it',
      remedy: 'Set `secretKey` to the secret key of this access id.',
    },
  ],
}

export function sourceRoutes(options: SourceRoutesOptions): RoutePlugin {
  const { sources } = options
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/sources',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'listSources',
        summary: 'The configured sources',
        description: 'Each with its last fetch, its next one and what it holds.',
        tags: ['Sources'],
        response: {
          200: answer(
            'The sources, in the order of the configuration.',
            Type.Object({ data: Type.Array(Ref(sourceSchema)) }),
            { data: [sourceExample] },
          ),
          ...problems(400, 401, 403, 429, 500, 503),
        },
      },
      handler: async () => {
        return { data: await sourceAnswers([...sources.keys()], options) }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/sources/:name',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'getSource',
        summary: 'A configured source',
        description: 'Its last fetch, its next one and what it holds.',
        tags: ['Sources'],
        params: sourceParams,
        response: {
          200: answer('The source.', Ref(sourceSchema), sourceExample),
          ...problems(400, 401, 403, 404, 429, 500, 503),
        },
      },
      handler: async (request) => {
        const { name } = request.params
        sourceNamed(sources, name)
        const [source] = await sourceAnswers([name], options)
        return source
      },
    })
    app.route({
      method: 'POST',
      url: '/api/v1/sources/:name/check',
      config: { scope: 'sources:run', audit: false },
      schema: {
        operationId: 'checkSource',
        summary: 'Check a source',
        description:
          'The doctor: proves address, credentials, clock and rights, and tells the remedy for what is wrong.',
        tags: ['Sources'],
        params: sourceParams,
        response: {
          200: answer(
            'What was found; `ok` is false when anything is wrong.',
            checkAnswer('connection, api, clock, credentials, rights, owners, query, limits'),
            checkExample,
          ),
          ...problems(400, 401, 403, 404, 429, 500),
        },
      },
      handler: async (request, reply) =>
        checked(await sourceNamed(sources, request.params.name).check(whileConnected(request, reply))),
    })
  }
}

interface SourceAnswer extends SourceInfo {
  readonly name: string
  readonly state: (typeof sourceStates)[number]
  readonly fetched: boolean
  readonly lastRun: Receipt | null
  readonly nextFetchAt: string | null
  readonly indicators: {
    readonly total: number
    readonly byType: Readonly<Record<string, number>>
    readonly asOf: string
  }
}

async function sourceAnswers(
  names: readonly string[],
  { infos, store, counts, fetches }: SourceRoutesOptions,
): Promise<readonly SourceAnswer[]> {
  const states: (SourceState & { readonly name: string })[] = []
  for (const name of names) states.push({ name, ...(await store.sourceState(name)) })
  // What a fetch that has ended brought is told at once.
  const ends = states.map(({ lastRun }) => Date.parse(lastRun?.endedAt ?? ''))
  const { asOf, bySource } = await counts.counted(Math.max(0, ...ends.filter((end) => !Number.isNaN(end))))
  const answers: SourceAnswer[] = []
  for (const { name, lastRun, ...state } of states) {
    const { kind, every } = infos.get(name) ?? { kind: '', every: 'off' }
    const byType = bySource[name] ?? {}
    answers.push({
      name,
      kind,
      every,
      state: stateOf(lastRun?.status),
      fetched: state.fetched,
      lastRun: lastRun === undefined ? null : await receiptOf(lastRun, store),
      nextFetchAt: fetches.nextFetch(name, { ...state, ...(lastRun && { lastRun }) }),
      indicators: { total: Object.values(byType).reduce((sum, count) => sum + count, 0), byType, asOf },
    })
  }
  return answers
}

function stateOf(status: Receipt['status'] | undefined): SourceAnswer['state'] {
  if (status === undefined) return 'waiting'
  return status === 'running' ? 'fetching' : status
}
