/** Everything that a store holds, as one text that is the same for the same content; and the way back to it. */
import pg from 'pg'
import type { Connection } from '../../store/database.ts'

type Rows = readonly Readonly<Record<string, unknown>>[]

export interface StoredState {
  /** Of each table its rows. */
  readonly tables: ReadonlyMap<string, string>
  /** The same without what differs each time: random ids, and gaps between numbers that the database gives. */
  readonly text: string
}

export interface StateKeeper {
  now(): Promise<StoredState>
  /** Keeps what there is now as the state to go back to. */
  keep(): Promise<StoredState>
  /** @param now what there is now */
  back(now: StoredState): Promise<void>
  close(): Promise<void>
}

/** References that no foreign key tells of. */
const references: readonly (readonly [table: string, column: string, to: string])[] = [
  ['delivery_body', 'delivery', 'delivery'],
  ['delivery_waiting', 'delivery', 'delivery'],
  ['export_item', 'delivery', 'delivery'],
  ['feed_snapshot', 'body', 'feed_body'],
  ['feed_body', 'snapshot', 'feed_snapshot'],
  ['feed_body_chunk', 'body', 'feed_body'],
  ['feed_member', 'feed', 'feed'],
  ['feed_size', 'feed', 'feed'],
  ['feed_snapshot', 'feed', 'feed'],
  ['collection', 'feed', 'feed'],
  ['publication', 'feed', 'feed'],
  ['forwarding', 'exporter', 'exporter'],
  ['forwarding', 'feed', 'feed'],
  ['bridge_end', 'bridge', 'bridge'],
  ['ticket', 'inflight', 'effect'],
]
/** By the clock of the database. */
const clocks: readonly (readonly [table: string, column: string])[] = [
  ['stix_object', 'stored_at'],
  ['stix_object_left', 'left_at'],
  ['epoch', 'begun_at'],
]

/** Their triggers are on in whatever mode. */
const guarded: ReadonlyMap<string, readonly string[]> = new Map([
  ['audit', ['audit_append', 'audit_kept']],
  ['audit_head', ['audit_head_kept']],
])

const randomId = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g

export async function stateKeeper(connection: Connection): Promise<StateKeeper> {
  const client = new pg.Client({ ...connection })
  await client.connect()
  const names = (
    await client.query<{ name: string }>(
      `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
    )
  ).rows.map(({ name }) => name)
  const numbered = (
    await client.query<{ table: string; column: string; sequence: string }>(
      `select c.relname as table, a.attname as column, pg_get_serial_sequence(c.relname, a.attname) as sequence
       from pg_class c join pg_attribute a on a.attrelid = c.oid
       where a.attidentity <> '' and c.relnamespace = 'public'::regnamespace order by 1`,
    )
  ).rows
  const written = await writtenColumns(client)
  const stateSql = names
    .map((name) => `select '${name}' as name, coalesce(json_agg(t), '[]') as rows from "${name}" t`)
    .join(' union all ')
  let kept: StoredState | undefined
  let sequences = ''

  const read = async (): Promise<StoredState> => {
    const { rows } = await client.query<{ name: string; rows: Rows }>({ name: 'state', text: stateSql })
    const tables = new Map(rows.map(({ name, rows }) => [name, rows]))
    return {
      tables: new Map([...tables].map(([name, rows]) => [name, sorted(rows)])),
      text: textOf(tables, numbered),
    }
  }
  return {
    now: read,
    async keep() {
      kept = await read()
      await client.query(
        `drop schema if exists kept cascade; create schema kept;
         ${names.map((name) => `create table kept."${name}" as table "${name}";`).join(' ')}`,
      )
      const { rows } = await client.query<{ last: string | null }>(
        numbered
          .map(({ sequence }) => `select pg_sequence_last_value('${sequence}')::text as last`)
          .join(' union all '),
      )
      sequences = numbered
        .map(({ sequence }, n) => {
          const last = rows[n]?.last ?? null
          return last === null
            ? `alter sequence ${sequence} restart;`
            : `select setval('${sequence}', ${last});`
        })
        .join(' ')
      return kept
    },
    async back(now) {
      const changed = names.filter((name) => now.tables.get(name) !== kept?.tables.get(name))
      const parts = changed.map((name) => {
        const columns = written.get(name)
        const copy = `delete from "${name}"; insert into "${name}" (${columns}) overriding system value
          select ${columns} from kept."${name}";`
        // Its triggers let nobody change it, replicas neither.
        return guarded.has(name) ? withoutTriggers(name, copy) : copy
      })
      await client.query(
        `begin; set local session_replication_role = replica; ${parts.join(' ')} ${sequences} commit`,
      )
    },
    close: () => client.end(),
  }
}

function withoutTriggers(name: string, work: string): string {
  const enabled = guarded.get(name)?.map((trigger) => `enable always trigger ${trigger}`)
  return `alter table ${name} disable trigger user; ${work} alter table ${name} ${enabled};`
}

/** Of each table those that are not computed from others. */
async function writtenColumns(client: pg.Client): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ table: string; columns: string }>(
    `select c.relname as table, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
       and a.attgenerated = '' group by c.relname`,
  )
  return new Map(rows.map(({ table, columns }) => [table, columns]))
}

function sorted(rows: Rows): string {
  return rows
    .map((row) => JSON.stringify(row))
    .sort()
    .join('\n')
}

function textOf(
  tables: ReadonlyMap<string, Rows>,
  numbered: readonly { readonly table: string; readonly column: string }[],
): string {
  const ranks = new Map(
    numbered.map(({ table, column }) => [table, rankOf((tables.get(table) ?? []).map((row) => row[column]))]),
  )
  const columns = [
    ...numbered.map(({ table, column }) => [table, column, table] as const),
    ...references.filter(([, , to]) => ranks.has(to)),
  ]
  return [...tables]
    .map(([name, rows]) => {
      const ranked = columns.filter(([table]) => table === name)
      const hidden = clocks.filter(([table]) => table === name)
      const told = rows.map((row) => {
        const same: Record<string, unknown> = { ...row }
        for (const [, column, to] of ranked) same[column] = ranks.get(to)?.get(row[column]) ?? row[column]
        for (const [, column] of hidden) same[column] = 'a time'
        return same
      })
      return `${name}\n${sorted(told).replaceAll(randomId, 'a random id').split('\n').sort().join('\n')}`
    })
    .join('\n\n')
}

function rankOf(values: readonly unknown[]): ReadonlyMap<unknown, string> {
  const numbers = [...new Set(values)].map(Number).sort((a, b) => a - b)
  return new Map(numbers.map((value, rank) => [value, `number ${rank}`]))
}

/** Lines that only one of them has. */
export function differenceOf(found: string, expected: string): string {
  const [has, wants] = [new Set(found.split('\n')), new Set(expected.split('\n'))]
  const more = [...has].filter((line) => !wants.has(line)).map((line) => `+ ${line.slice(0, 400)}`)
  const less = [...wants].filter((line) => !has.has(line)).map((line) => `- ${line.slice(0, 400)}`)
  return [...more, ...less].slice(0, 12).join('\n')
}
