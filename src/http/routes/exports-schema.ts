/** Exports, their items and exporters as they are answered, for OpenAPI and `schemas/export.json`. */
import Type from 'typebox'
import { itemStatuses } from '../../store/exports.ts'
import { Count, Enum, Nullable, problemAnswer, Time } from '../schema.ts'

export const exportStatuses = ['pending', 'running', 'succeeded', 'partial', 'failed'] as const
export const exportOrigins = ['push', 'forward', 'eviction'] as const

const itemCounts = {
  pending: Count('Not settled yet.'),
  accepted: Count('The product took them.'),
  unchanged: Count('The product had them so already.'),
  rejected: Count('The product refuses them.'),
  skipped: Count('Never sent; each says why.'),
  dead: Count('Given up after the last try.'),
}

export const exportSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    exporter: Type.String({ description: 'Name of the exporter.' }),
    origin: Enum(exportOrigins, {
      description:
        "push: somebody asked; forward: the exporter's filter; eviction: removed to make room for better ones.",
    }),
    action: Enum(['upsert', 'remove']),
    requestedBy: Nullable(Type.String(), {
      description: 'Id of the API key that asked; null: nobody, or a server without keys.',
    }),
    status: Enum(exportStatuses, {
      description:
        'pending: nothing was tried yet; partial: some items were accepted or unchanged, some rejected or dead; failed: none was accepted. Skipped items are no failure.',
    }),
    createdAt: Time('RFC 3339, UTC.'),
    endedAt: Nullable(Time('RFC 3339, UTC.'), { description: 'null while items are pending.' }),
    counts: Type.Object(
      { total: Count('Inputs: the sum of the others.'), ...itemCounts },
      { description: 'Items by status.' },
    ),
    links: Type.Object({
      self: Type.String({ description: 'Address of this export.' }),
      items: Type.String({ description: 'Address of its items.' }),
    }),
  },
  { $id: 'Export', title: 'Export', description: 'A push, forward or eviction, and its receipt.' },
)

const id = '7d1f0a3e-52c4-4a53-9f0e-3c1b8a2f6d90'

export const exportExample = {
  id,
  exporter: 'darktrace',
  origin: 'push',
  action: 'upsert',
  requestedBy: 'soar',
  status: 'succeeded',
  createdAt: '2026-03-10T12:00:00Z',
  endedAt: '2026-03-10T12:00:01.204Z',
  counts: { total: 3, pending: 0, accepted: 2, unchanged: 0, rejected: 0, skipped: 1, dead: 0 },
  links: { self: `/api/v1/exports/${id}`, items: `/api/v1/exports/${id}/items` },
}

export const exportUnderWay = {
  ...exportExample,
  status: 'running',
  endedAt: null,
  counts: { ...exportExample.counts, pending: 2, accepted: 0 },
}

export const exportItemSchema = Type.Object(
  {
    type: Nullable(Type.String(), { description: 'Type of the unified model; null where it is not known.' }),
    value: Type.String({ description: 'As it was given.' }),
    status: Enum(itemStatuses),
    reason: Nullable(Type.String(), {
      description: 'Why it was not accepted; of a pending one why the last try failed.',
    }),
    remoteId: Nullable(Type.String(), { description: 'Id at the product, where it has one.' }),
    attempts: Count('Tries that count against `retry.attempts`, and the one that succeeded.'),
    lastAttemptAt: Nullable(Time('RFC 3339, UTC.'), { description: 'null: never tried.' }),
    repeats: Count(
      'Times that it was, or may have been, sent while an earlier try might have been carried out.',
    ),
    vendor: Nullable(
      Type.Unsafe<Record<string, unknown>>({ type: 'object', description: 'What the product says of it.' }),
    ),
  },
  { description: 'What became of one input.' },
)

export const exportItemExample = {
  type: 'domain',
  value: 'evil.example',
  status: 'accepted',
  reason: null,
  remoteId: null,
  attempts: 1,
  lastAttemptAt: '2026-03-10T12:00:01Z',
  repeats: 0,
  vendor: { list: 'added' },
}

const forward = Type.Object({
  filter: Type.String({ description: 'What is forwarded, in words.' }),
  held: Type.Boolean({ description: 'Whether its removals are held: `resume` lets them go, this once.' }),
  hold: Nullable(
    Type.Object({
      since: Time('Since when.'),
      removals: Count('Indicators that would be removed.'),
      forwarded: Count('Indicators that the product has by forwarding.'),
      share: Type.Number({ description: 'Fraction that may be removed at once: `maxRemovalShare`.' }),
      reason: Type.String({ description: 'All of it in words.' }),
    }),
    { description: 'Why they are held.' },
  ),
})

export const exporterSchema = Type.Object(
  {
    name: Type.String(),
    kind: Type.String({ description: 'secureworks, darktrace, cofense' }),
    circuit: Enum(['closed', 'open', 'paused'], {
      description:
        'closed: all is well; open: it fails, and is tried again by itself; paused: mend what `lastError` says, then `resume`.',
    }),
    lastError: Nullable(
      Type.Object({
        cause: Type.String({ description: 'What failed.' }),
        remedy: Type.String({ description: 'How to mend it.' }),
        at: Time('When.'),
      }),
      { description: 'The last failure of the destination as a whole; null: none since it last worked.' },
    ),
    counts: Type.Object(
      { ...itemCounts, evicted: Count('The product forgot them by itself.') },
      { description: 'Indicators by what became of the last wish for each.' },
    ),
    oldestPendingAt: Nullable(Time('RFC 3339, UTC.'), { description: 'null: nothing is pending.' }),
    held: Count('Entries that the product has from us, as far as its answers told.'),
    waitUntil: Nullable(Time('RFC 3339, UTC.'), { description: 'Nothing is sent before; null: at once.' }),
    failures: Count('Failures of the destination since its last success.'),
    forward: Nullable(forward, { description: 'null: only what is pushed.' }),
  },
  {
    $id: 'Exporter',
    title: 'Exporter',
    description: 'A configured exporter and how it stands; never a secret of it.',
  },
)

export const exporterExample = {
  name: 'darktrace',
  kind: 'darktrace',
  circuit: 'paused',
  lastError: {
    cause:
      'Darktrace refused the signature: the private token is not the one that belongs to the public token',
    remedy: 'Set `privateToken` to the private token of this public token, then resume.',
    at: '2026-03-10T12:00:01Z',
  },
  counts: { pending: 120, accepted: 1204, unchanged: 0, rejected: 2, skipped: 0, dead: 0, evicted: 0 },
  oldestPendingAt: '2026-03-10T11:58:40Z',
  held: 1204,
  waitUntil: null,
  failures: 1,
  forward: null,
}

const wireRequest = Type.Object({
  method: Type.String(),
  url: Type.String(),
  headers: Type.Record(Type.String(), Type.String(), { description: 'Credentials and signatures left out.' }),
  body: Type.Unknown({ description: 'Parsed where it is JSON.' }),
})

export const dryRunSchema = Type.Object(
  {
    exporter: Type.String({ description: 'Name of the exporter.' }),
    action: Enum(['upsert', 'remove']),
    counts: Type.Object({
      total: Count('Inputs.'),
      pending: Count('They would be sent.'),
      unchanged: Count('The product has them so already.'),
      skipped: Count('They would not be sent; each says why.'),
    }),
    batches: Type.Array(
      Type.Object({ action: Enum(['upsert', 'remove']), size: Count('Indicators in it.') }),
      { description: 'In the order of sending.' },
    ),
    requests: Type.Array(wireRequest, {
      description: "What would be sent, as far as that does not depend on the product's answers.",
    }),
    items: Type.Array(
      Type.Object({
        type: Nullable(Type.String()),
        value: Type.String({ description: 'As it was given.' }),
        status: Enum(['pending', 'unchanged', 'skipped'], { description: 'pending: it would be sent.' }),
        reason: Nullable(Type.String()),
      }),
      { description: 'One for each input.' },
    ),
    evictions: Type.Array(Type.Object({ type: Type.String(), value: Type.String() }), {
      description: 'What would be removed to make room for better ones.',
    }),
  },
  { description: 'What a push would do; nothing was sent.' },
)

export const exporterUnknown = problemAnswer({
  description: 'There is no such exporter.',
  code: 'EXPORTER_UNKNOWN',
  detail: 'no exporter "darktrac"; there are: secureworks, darktrace, cofense',
})

export const exportUnknown = problemAnswer({
  description: 'There is no such export.',
  code: 'EXPORT_UNKNOWN',
  detail: `no export "${id}"`,
})

const paramsOf = (example: string) =>
  Type.Object({
    name: Type.String({
      maxLength: 64,
      description: 'Name of the configured exporter.',
      examples: [example],
    }),
  })

export const exporterParams = paramsOf('darktrace')

/** Of a product that tells what it has. */
export const comparableParams = paramsOf('secureworks')
