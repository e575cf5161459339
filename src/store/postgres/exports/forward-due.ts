/** Whether a forward has something to do: found without a lock and without carrying anything out, for who plans. */
import type { DeliveryStore } from '../../delivery-store.ts'
import type { Database } from '../database.ts'
import { definitionHash } from '../feeds-filter.ts'
import { upToDate } from '../feeds-members.ts'
import { exporterNumber } from './exporter-row.ts'
import { feedOf, placeOf } from './forward-place.ts'
import { fetchUnderWay, isDone } from './forward-removals.ts'

export function forwardPlans(database: Database): Pick<DeliveryStore, 'forwardDue'> {
  return {
    async forwardDue(name, options) {
      const { list, sourceName, maxRemovalShare } = options
      const exporter = await exporterNumber(database, name)
      const place = await placeOf(database, exporter)
      const feed = await feedOf(database, list.name)
      // Never forwarded, or the list is no longer the one that was.
      if (place === undefined || feed === undefined || place.feed !== feed.id) return 'changes'
      const { held } = place
      if (feed.definition !== definitionHash(list) || place.source !== sourceName) return 'settings'
      if (held !== null && held.share !== maxRemovalShare) return 'settings'
      if ((await upToDate(database, list)).state === undefined) return 'changes'
      const [member] = await database.query(
        'select from feed_member where feed = $1 and present and (seq, key) > ($2, $3::uuid) limit 1',
        [feed.id, place.seq, place.key],
      )
      if (member !== undefined) return 'changes'
      if (isDone({ ...place, changedSeq: feed.changedSeq }, options)) return null
      return (await fetchUnderWay(database, list)) ? null : 'changes'
    },
  }
}
