/** What the routes of exports take. */
import Type from 'typebox'
import { itemStatuses } from '../../store/exports.ts'
import { Enum } from '../schema.ts'
import { exportOrigins, exportStatuses } from './exports-schema.ts'
import { numberCursor, pageLimit, textCursor } from './paging.ts'

export const exportParams = Type.Object({
  id: Type.String({
    maxLength: 64,
    description: 'Id of the export; `latest`: the newest one that the key may see.',
    examples: ['latest'],
  }),
})

export const listArguments = Type.Object({
  exporter: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), {
      description: 'Only those of these exporters, by name. Comma-separated, repeated, or both.',
      examples: [['darktrace']],
    }),
  ),
  status: Type.Optional(
    Type.Array(Enum(exportStatuses), {
      description: 'Only those with one of these statuses.',
      examples: [['succeeded', 'partial']],
    }),
  ),
  origin: Type.Optional(
    Type.Array(Enum(exportOrigins), {
      description: 'Only those of one of these origins.',
      examples: [['push']],
    }),
  ),
  limit: pageLimit('Most exports of a page.', { example: 20 }),
  cursor: textCursor(),
})

const replayStatuses = ['accepted', 'unchanged', 'rejected', 'skipped', 'dead'] as const

export const replayBody = Type.Object(
  {
    status: Type.Optional(
      Type.Array(Enum(replayStatuses), {
        minItems: 1,
        description: 'Which items. Default rejected and dead.',
      }),
    ),
  },
  { examples: [{ status: ['rejected', 'dead'] }] },
)

export const itemArguments = Type.Object({
  status: Type.Optional(
    Type.Array(Enum(itemStatuses), {
      description: 'Only those with one of these statuses.',
      examples: [['accepted', 'skipped']],
    }),
  ),
  limit: pageLimit('Most items of a page.', { maximum: 10_000 }),
  cursor: numberCursor,
})
