/** An ad-hoc list: what passes a filter now, straight from the table of indicators. */
import type { Indicator } from '../../model/indicator.ts'
import type { MatchingStore } from '../delivery-store.ts'
import { type Database, patient } from './database.ts'
import { filterSql } from './feeds-filter.ts'
import { parameters } from './parameters.ts'
import type { Queryable } from './queryable.ts'

const pageRows = 1000

export function matchingStore(database: Database): MatchingStore {
  return {
    readMatching: (filter, read) =>
      database.transaction(
        async (session) => {
          const given = parameters()
          const condition = filterSql(filter, given)
          const order =
            filter.limit > 0
              ? `order by i.rank desc, i.key limit ${given.add(filter.limit)}::bigint`
              : 'order by i.key'
          await session.execute(
            `declare matching no scroll cursor for select i.body from indicator i where ${condition} ${order}`,
            given.values,
          )
          return read(pagesOf(session))
        },
        { ...patient, isolation: 'repeatable read' },
      ),
  }
}

async function* pagesOf(session: Queryable): AsyncGenerator<readonly Indicator[]> {
  for (let isLast = false; !isLast; ) {
    const rows = await session.query<{ body: string }>(`fetch ${pageRows} from matching`)
    isLast = rows.length < pageRows
    if (rows.length > 0) yield rows.map(({ body }) => JSON.parse(body) as Indicator)
  }
}
