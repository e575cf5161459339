/** Why records are not taken, as few classes: a label of a metric holds no free text. */

export const rejectReasons = [
  'excluded',
  'no_value',
  'invalid_value',
  'no_type',
  'invalid_id',
  'duplicate_id',
  'unparsable',
  'other',
] as const
export type RejectReason = (typeof rejectReasons)[number]

/** The words of the sources and of the pipeline; the first that fits counts. */
const classes: readonly (readonly [RegExp, RejectReason])[] = [
  [/^type takes /, 'no_type'],
  [/^its id came twice/, 'duplicate_id'],
  [/^id takes |^the id of the record takes /, 'invalid_id'],
  [/^it could not be read: /, 'unparsable'],
  [/ has no value: |^File has no /, 'no_value'],
  // Any value that has no canonical form is told behind the name of its type.
  [/^[^:]+: /, 'invalid_value'],
]

export function classOf(reason: string): RejectReason {
  return classes.find(([pattern]) => pattern.test(reason))?.[1] ?? 'other'
}
