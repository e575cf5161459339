/** What the operations of the simulated schema do. */
import { parseQuery } from './query-language.ts'
import type { NewRow, Row, Rows } from './rows.ts'
import { valueFault } from './values.ts'

export interface OperationOptions {
  readonly rows: Rows
  /** Entries of a page at most; what is asked for beyond it is held to it. */
  readonly largestPage: number
  /** Rejects more, with this reason. */
  readonly rejects: (input: NewRow) => string | undefined
  /** Carried out, and named in neither list. */
  readonly omits: (input: NewRow) => boolean
  /** Neither carried out nor named in a list. */
  readonly loses: (input: NewRow) => boolean
}

type Arguments = Readonly<Record<string, unknown>>
export type Resolver = (tenant: string, args: Arguments) => unknown

/** @throws QuerySyntaxError for a query that can't be read */
export function createOperations(options: OperationOptions): Readonly<Record<string, Resolver>> {
  const { rows, largestPage, rejects, omits, loses } = options

  const list = (found: readonly Row[], page: number, perPage: number, offset = (page - 1) * perPage) => {
    const indicators = found.slice(offset, offset + perPage)
    const next = offset + indicators.length
    return {
      indicators: indicators.length === 0 ? null : indicators,
      page,
      per_page: perPage,
      offset,
      total_pages: Math.ceil(found.length / perPage),
      current_entries_returned: indicators.length,
      total_entries_size: found.length,
      cursor: next < found.length ? String(next) : null,
    }
  }
  const pageSize = (args: Arguments) => Math.min(Math.max(Number(args.per_page ?? 100), 1), largestPage)
  const all = (tenant: string) => rows.all().filter((row) => row.tenant_id === tenant)

  return {
    upsertIndicators(tenant, args) {
      const accepted: Row[] = []
      const rejected: { value: string; reason: string }[] = []
      for (const input of args.input as readonly NewRow[]) {
        if (loses(input)) continue
        const reason = valueFault(input) ?? rejects(input)
        if (reason !== undefined) rejected.push({ value: input.value, reason })
        else {
          const row = rows.upsert(tenant, input)
          if (!omits(input)) accepted.push(row)
        }
      }
      return {
        accepted_indicators: accepted.length === 0 ? null : accepted,
        rejected_indicators: rejected.length === 0 ? null : rejected,
      }
    },
    deleteIndicators(tenant, args) {
      const { matches, value } = parseQuery(String(args.query))
      const indicators = rows.remove(tenant, matches, value)
      return { status: true, indicators: indicators.length === 0 ? null : indicators }
    },
    getIndicators(tenant, args) {
      const input = membersOf(args.input)
      const found = pool(input).filter(filterOf(input))
      return list(found, Math.max(1, Number(input.page ?? 1)), pageSize(input))

      function pool({ exclude_deleted }: Arguments): readonly Row[] {
        return exclude_deleted === true ? rows.active(tenant) : all(tenant)
      }
    },
    paginateIndicators(tenant, args) {
      const input = membersOf(args.input)
      const found = all(tenant).filter(filterOf(input))
      const offset = Number(input.cursor ?? 0)
      return list(found, 1, pageSize(input), offset)
    },
    searchIndicators(tenant, args) {
      const input = membersOf(args.input)
      const found = all(tenant).filter(parseQuery(String(input.query ?? 'from byoti_indicator')).matches)
      return list(found, Math.max(1, Number(input.page ?? 1)), pageSize(input))
    },
  }
}

function membersOf(value: unknown): Arguments {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function filterOf(input: Arguments): (row: Row) => boolean {
  const equal = (
    ['object_type', 'severity', 'reference_url', 'source_name', 'integration_id'] as const
  ).filter((name) => input[name] !== undefined && input[name] !== null)
  const after = typeof input.updated_after === 'string' ? Date.parse(input.updated_after) : undefined
  return (row) =>
    equal.every((name) => row[name] === input[name]) &&
    (input.exclude_deleted !== true || row.deleted_at === null) &&
    (after === undefined || Date.parse(row.updated_at) > after)
}
