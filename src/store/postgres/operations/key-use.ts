/** Who used which key. */
import type { KeyUse, OperationsStore } from '../../operations-store.ts'
import type { Database } from '../database.ts'
import { columnJson } from '../values.ts'

/** By key, so that two servers never wait for each other in a circle. */
const addSql = `
insert into key_use as u (key, first_at, last_at, address, requests)
select key, "firstAt", "lastAt", address, requests
from json_to_recordset($1::json) as used (key text, "firstAt" timestamptz, "lastAt" timestamptz, address text,
  requests bigint)
order by key
on conflict (key) do update set
  first_at = least(u.first_at, excluded.first_at), last_at = greatest(u.last_at, excluded.last_at),
  address = case when excluded.last_at >= u.last_at then excluded.address else u.address end,
  requests = u.requests + excluded.requests`

export function keyUse(database: Database): Pick<OperationsStore, 'noteKeyUses' | 'keyUses'> {
  return {
    async noteKeyUses(uses) {
      if (uses.length > 0) await database.execute(addSql, [columnJson(uses)])
    },
    keyUses: () =>
      database.query<KeyUse>(
        `select key, first_at as "firstAt", last_at as "lastAt", address, requests from key_use order by key`,
      ),
  }
}
