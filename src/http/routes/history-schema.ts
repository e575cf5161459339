/** What the routes of counts over time have in common. */
import Type from 'typebox'
import type { HistoryPoint } from '../../store/operations-store.ts'
import { answer } from '../schema.ts'

const dayMs = 86_400_000

export const historyArguments = Type.Object({
  days: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 90,
      default: 7,
      description: 'How far back; counts are kept for 90 days.',
      examples: [7],
    }),
  ),
})

/** @param now milliseconds since the epoch */
export function sinceOf({ days = 7 }: { readonly days?: number }, now: number): Date {
  return new Date(now - days * dayMs)
}

/** @param values what they count */
export function historyAnswer(description: string, values: string, example: HistoryPoint) {
  const schema = Type.Object({
    data: Type.Array(
      Type.Object({
        at: Type.String({ format: 'date-time', description: 'The beginning of the hour.' }),
        values: Type.Unsafe<Record<string, number>>({
          type: 'object',
          additionalProperties: { type: 'integer', minimum: 0 },
          description: values,
        }),
      }),
      { description: 'Oldest first; hours of which nothing is known are not there.' },
    ),
  })
  return answer(description, schema, { data: [example] })
}
