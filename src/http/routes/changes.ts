/** `GET /api/v1/changes`: every change in commit order, a line each. */
import Type from 'typebox'
import { ServiceError } from '../../errors.ts'
import { type ChangePosition, changeCursor, changePosition } from '../../model/cursor.ts'
import { indicatorExample, indicatorSchema } from '../../model/indicator-schema.ts'
import { oneLine } from '../../model/json-text.ts'
import type { ChangeLog, ChangeLogState } from '../../store/change-log.ts'
import type { RoutePlugin } from '../app.ts'
import { chunkSender } from '../chunked-answer.ts'
import { answer, Enum, problemAnswer, problems, Ref } from '../schema.ts'
import { invalid } from './indicator-arguments.ts'

const ndjson = 'application/x-ndjson'

const { raw: _, ...indicator } = indicatorExample
const cursorExample = 'Ej5FZ-iwAAAAAAAqAAAAAAAAq83vEjRWeJAS'

const changesArguments = Type.Object(
  {
    since: Type.Optional(
      Type.String({
        maxLength: 200,
        description:
          '`cursor` of the last line that was read, or `X-Head-Cursor`. Without it: from the beginning.',
        examples: [''],
      }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000,
        description:
          'Most lines; without it, everything up to the head of the log. 0 answers no line, but `X-Head-Cursor`: where the log ends now.',
        examples: [10],
      }),
    ),
  },
  { additionalProperties: false },
)

const change = Type.Object({
  op: Enum(['add', 'update', 'remove']),
  cursor: Type.String({ description: 'To go on from after this line: `since` of a later request.' }),
  indicator: Ref(indicatorSchema),
})

const answers = {
  200: answer(
    'The changes, one JSON object a line; `remove` has the indicator as it was last. No line when there is nothing new: keep the cursor then. The same position may be given as another text later on, so cursors are not to be compared.',
    change,
    `${JSON.stringify({ op: 'add', cursor: cursorExample, indicator })}\n`,
    {
      mediaType: ndjson,
      headers: {
        'X-Head-Cursor': {
          type: 'string',
          description:
            'The end of the log when the request came: to go on from after an answer that was read whole and that `limit` did not cut.',
          examples: [cursorExample],
        },
      },
    },
  ),
  ...problems(400, 401, 403, 429, 500, 503),
  410: problemAnswer({
    description: 'Removals since this cursor are forgotten, or the store was restored from an older backup.',
    code: 'CURSOR_GONE',
    detail: 'changes since this cursor have been forgotten; start without `since`',
  }),
}

export function changeRoutes({ store }: { readonly store: ChangeLog }): RoutePlugin {
  const send = chunkSender()
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/changes',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'listChanges',
        summary: 'Follow the changes of the stored indicators',
        description:
          'Who applies the lines in their order to an empty set has what is stored: put what is added or updated, take out what is removed. From the beginning, what has been forgotten is left out, so an update may be the first line of an indicator. Go on from the cursor of the last line. Indicators come without `raw`.',
        tags: ['Indicators'],
        querystring: changesArguments,
        response: answers,
      },
      handler: async (request, reply) => {
        const { since, limit = Number.POSITIVE_INFINITY } = request.query
        const state = await store.logState()
        const from = since === undefined ? beginning(state) : positionOf(since, state)
        const { head, epoch } = state
        reply.header('x-head-cursor', changeCursor({ epoch, seq: head, floor: 0 }))
        if (from.seq >= head || limit === 0) return reply.type(ndjson).send('')
        return send(request, reply, ndjson, lines(store, { ...from, epoch }, head, limit))
      },
    })
  }
}

/** What was pruned before a reader began is nothing that it misses. */
function beginning({ epoch, horizon }: ChangeLogState): ChangePosition {
  return { epoch, seq: 0, floor: horizon }
}

function gone(why: string): ServiceError {
  return new ServiceError('CURSOR_GONE', `${why}; start without \`since\``)
}

/** @throws ServiceError ARGUMENT_INVALID, CURSOR_GONE */
function positionOf(cursor: string, state: ChangeLogState): ChangePosition {
  const position = changePosition(cursor)
  if (position === undefined) {
    throw invalid('since', `takes the \`cursor\` of a line, whole and unchanged; received "${cursor}"`)
  }
  const end = state.ends.get(position.epoch)
  if (end === undefined || (position.seq > end && position.epoch !== state.epoch)) {
    throw gone('this cursor belongs to another store, or to changes that a restored backup does not have')
  }
  if (position.seq > end) throw invalid('since', 'is beyond the end of the log: this server never gave it')
  // Position 0 is before everything: who stands there has nothing that could have been removed.
  if (position.seq > 0 && isPruned(position, state.horizon)) {
    throw gone('changes since this cursor have been forgotten')
  }
  return position
}

/** Whether changes behind the position are missing of which its reader has to know. */
function isPruned({ seq, floor }: ChangePosition, horizon: number): boolean {
  return horizon > Math.max(seq, floor)
}

/** Some megabytes of lines at most. */
const atOnce = 1000

async function* lines(
  store: ChangeLog,
  from: ChangePosition,
  head: number,
  limit: number,
): AsyncGenerator<string> {
  let position = from.seq === 0 ? { ...from, floor: Math.max(from.floor, await store.horizon()) } : from
  for (let left = limit; left > 0; ) {
    const changes = await store.changeTexts(position.seq, head, Math.min(left, atOnce))
    // Asked after the changes: what was not pruned by then was not when they were read.
    if (isPruned(position, await store.horizon())) {
      throw gone('changes were forgotten while they were read')
    }
    const last = changes.at(-1)
    if (last === undefined) return
    yield changes
      .map(({ op, seq, json }) => {
        return `{"op":"${op}","cursor":"${changeCursor({ ...position, seq })}","indicator":${oneLine(json)}}\n`
      })
      .join('')
    position = { ...position, seq: last.seq }
    left -= changes.length
  }
}
