/** What a database tells of servers that do not come to rest: who waits for whom, and which calls there are. */
import pg from 'pg'

/** Of a database that stands still itself nothing is told. */
const patience = { connectionTimeoutMillis: 5000, query_timeout: 5000 }

const questions: Readonly<Record<string, string>> = {
  sessions: `select application_name as program, state, wait_event_type as waits, count(*)::integer as number
    from pg_stat_activity where backend_type = 'client backend' group by 1, 2, 3 order by 4 desc`,
  waiting: `select pid, pg_blocking_pids(pid) as for, now() - query_start as since, left(query, 200) as query
    from pg_stat_activity where cardinality(pg_blocking_pids(pid)) > 0 order by query_start limit 20`,
  standing: `select pid, application_name as program, now() - state_change as since, left(query, 200) as query
    from pg_stat_activity where state like 'idle in transaction%' order by state_change limit 20`,
  calls: `select name, state, retry_count, start_after, started_on, heartbeat_on, now() as now from pgboss.job_common
    where state < 'completed' order by name, state limit 50`,
  effects: `select e.ticket, e.kind, e.state, e.attempts, e.due_at, e.ambiguous_since, e.updated_at, t.due_at as ticket_due_at,
      t.inflight as ticket_inflight, b.claim from effect e join ticket t on t.bridge = e.bridge and t.id = e.ticket
      join bridge b on b.id = e.bridge
    where e.state not in ('done', 'skipped') order by e.state = 'pending', e.id limit 20`,
  ends: 'select * from bridge_end order by bridge, side',
}

/** @returns a line for each question, as JSON */
export async function storeTold(storeUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: storeUrl, ...patience })
  await client.connect()
  try {
    const lines: string[] = []
    for (const [name, sql] of Object.entries(questions)) {
      const { rows } = await client.query(sql)
      lines.push(`${name}: ${JSON.stringify(rows)}`)
    }
    return lines.join('\n')
  } finally {
    await client.end()
  }
}
