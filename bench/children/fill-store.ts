/**
 * Fills an embedded store as a fetch would, without one: records of `records.ts` as one fetch that succeeded.
 *
 *   fill-store.ts FOLDER FROM TO
 */
import { pino } from 'pino'
import { renderForCollections } from '../../src/feeds/stix/objects.ts'
import type { Observation } from '../../src/model/indicator.ts'
import { normalise } from '../../src/sources/threatconnect/normalise.ts'
import { openStore } from '../../src/store/open.ts'
import { firstId, threatConnectRecord } from '../harness/records.ts'

const [folder = '', from = '', to = ''] = process.argv.slice(2)
const pageSize = 1000
const source = 'tc'
const log = pino({ level: 'silent' })
const options = { name: source, reliability: 'F', feedTags: [] } as const

function observationOf(index: number): Observation {
  const normalised = normalise(threatConnectRecord(index), 'indicator', options, 0)
  if (!('observation' in normalised)) throw new Error(`record ${index} can not be read`)
  // Nothing here reads it, and it is most of what a record is.
  return { ...normalised.observation, raw: { id: firstId + index } }
}

const opened = await openStore(
  { kind: 'embedded', url: `file:${folder}`, folder },
  { log, render: renderForCollections },
)
const { store } = opened
await store.registerSources([source])
const { run } = await store.startRun(source, new Date())
const claim = await store.claimRun(run.id)
if (claim === undefined) throw new Error('the fetch has ended')
for (let start = Number(from); start < Number(to); start += pageSize) {
  const size = Math.min(pageSize, Number(to) - start)
  const records = Array.from({ length: size }, (_, place) => ({
    observation: observationOf(start + place),
    expiresAt: null,
  }))
  await store.ingest({
    ...{ run: run.id, claim, source, part: 'indicators' },
    ...{ received: size, records, unreadable: [], excluded: [], removed: [], requests: 1 },
    cursor: JSON.stringify({ fingerprint: '', cursor: '' }),
    now: new Date(),
  })
}
await store.endRun(run.id, claim, 'succeeded', [], new Date())
await opened.close()
console.log('listening on nothing: it is full')
