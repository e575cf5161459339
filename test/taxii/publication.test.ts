import t from 'tap'
import { renderForCollections } from '../../src/feeds/stix/objects.ts'
import type { Observation } from '../../src/model/indicator.ts'
import { migrate } from '../../src/store/postgres/migrate.ts'
import { migrations } from '../../src/store/postgres/migrations/index.ts'
import { publicationStore } from '../../src/store/postgres/publications.ts'
import { collectionOf } from '../../src/taxii/resources.ts'
import { stixFaults } from '../feeds/stix/stix-schemas.ts'
import { silent } from '../store/postgres/stored.ts'
import {
  domains,
  drain,
  envelopeOf,
  feedOf,
  get,
  observationOf,
  type StixJson,
  values,
  world,
} from './taxii-world.ts'

const id = collectionOf('all').id
const objectsUrl = `/taxii2/feeds/collections/${id}/objects/`

t.test(
  'an indicator that leaves is revoked once, and comes back as a newer version of the same object',
  async (t) => {
    const w = await world(t)
    const [gone, kept] = domains(2) as [Observation, Observation]
    await w.fetch([gone, kept])
    const before = await drain(w.app, id)
    const original = before.objects.find(({ name }) => name === gone.value)
    const after = (last: string | undefined) => drain(w.app, id, `added_after=${last}`)

    t.strictSame((await after(before.last)).objects, [], 'nothing new')
    await w.fetch([], { removed: [{ remoteId: gone.provenance.remoteId }] })
    const left = await after(before.last)
    t.equal(left.objects.length, 1, 'only what left')
    const [revoked] = left.objects
    t.strictSame(
      { ...revoked, revoked: undefined, modified: original?.modified },
      { ...original, revoked: undefined },
    )
    t.equal(revoked?.revoked, true)
    t.ok(String(revoked?.modified) > String(original?.modified))
    t.strictSame(stixFaults(revoked as StixJson), [])
    t.strictSame((await after(left.last)).objects, [], 'told once')
    t.equal(envelopeOf(await get(w.app, `${objectsUrl}${original?.id}/`)).objects?.[0]?.revoked, true)

    await w.fetch([gone])
    const back = await after(left.last)
    t.equal(back.objects.length, 1)
    const [returned] = back.objects
    t.strictSame({ ...returned, modified: original?.modified }, original, 'as it was, created included')
    t.ok(String(returned?.modified) > String(revoked?.modified))

    await w.fetch([{ ...gone, confidence: 50 }])
    const [changed] = (await after(back.last)).objects
    t.match(changed, { id: original?.id, confidence: 50, created: original?.created })
    t.ok(String(changed?.modified) > String(returned?.modified))
    const size = (await drain(w.app, id)).objects
    t.strictSame(values(size).toSorted(), [gone.value, kept.value], 'each object once, in its last version')
  },
)

t.test('whatever takes an indicator out of a feed revokes it there, and only there', async (t) => {
  const strict = feedOf('strict', { minConfidence: 50, tags: ['bad'] })
  const limited = feedOf('limited', { limit: 1 })
  const w = await world(t, { feeds: [feedOf('all'), strict, limited] })
  const facts = { confidence: 80, tags: ['bad'] }
  const [one, two] = domains(2, facts) as [Observation, Observation]
  const file = observationOf(9, {
    type: 'file',
    value: 'a'.repeat(64),
    hashes: { sha256: 'a'.repeat(64), md5: 'b'.repeat(32) },
    ...facts,
  })
  const state = async (feed: string) => {
    const { objects } = await drain(w.app, feed)
    const indicators = objects.filter(({ type }) => type === 'indicator')
    return Object.fromEntries(indicators.map(({ name, revoked = false }) => [name, revoked]))
  }
  await w.fetch([{ ...one, threatAssess: { score: 500 } }, two])
  t.strictSame(await state('limited'), { [one.value]: false })
  await w.fetch([{ ...two, threatAssess: { score: 900 } }, { ...one, confidence: 10 }, file])
  t.strictSame(await state('all'), {
    [one.value]: false,
    [two.value]: false,
    [file.value]: false,
    ['b'.repeat(32)]: false,
  })
  t.equal((await state('strict'))[one.value], undefined, 'never published there before it left')
  t.strictSame(await state('limited'), { [one.value]: true, [two.value]: false }, 'pushed out by the limit')
  await w.fetch([
    { ...two, confidence: 10 },
    { ...file, hashes: { sha256: file.value } },
  ])
  t.strictSame(
    await state('strict'),
    { [two.value]: true, [file.value]: false, ['b'.repeat(32)]: true },
    'the filter; a hash that is no longer known',
  )
  t.strictSame(await state('all'), {
    [one.value]: false,
    [two.value]: false,
    [file.value]: false,
    ['b'.repeat(32)]: true,
  })
})

t.test(
  'a walk that goes on while replicas publish, change and revoke misses nothing and doubles nothing',
  async (t) => {
    const w = await world(t)
    const skewed = { now: w.clock.now - 3_600_000 }
    const other = await w.replica(undefined, skewed)
    await w.fetch(domains(2500))
    const seen: StixJson[] = []
    let url = `${objectsUrl}?limit=300&match[type]=indicator`
    for (let page = 0; ; page++) {
      const [response] = await Promise.all([
        get(page % 2 === 0 ? w.app : other.app, url),
        // Both replicas publish at once; the other's clock is an hour behind.
        other.publish('all', new Date(skewed.now)),
        w.publish('all', new Date(w.clock.now)),
      ])
      const { objects = [], more, next } = envelopeOf(response)
      seen.push(...objects)
      if (!more) break
      url = `${objectsUrl}?limit=300&next=${next}`
      if (page === 3) await w.fetch(domains(100, { confidence: 1 }))
      if (page === 5) await w.fetch([], { removed: [{ remoteId: '1' }, { remoteId: '2000' }] })
      if (page === 6)
        await w.fetch(
          domains(500, {}, 'late').map((each, n) => ({
            ...each,
            provenance: { ...each.provenance, remoteId: String(10_000 + n) },
          })),
        )
    }
    const latest = new Map(seen.map((object) => [object.id, object]))
    const stored = (await drain(other.app, id, 'match[type]=indicator')).objects
    t.equal(stored.length, 3000)
    const expected = new Map(stored.map((object) => [object.id, object]))
    t.equal(latest.size, expected.size, 'every object was seen')
    const stale = [...expected].filter(
      ([one, object]) => JSON.stringify(latest.get(one)) !== JSON.stringify(object),
    )
    t.equal(stale.length, 0, 'each in its last version')
    const versions = new Set(seen.map((object) => `${object.id} ${object.modified}`))
    t.equal(versions.size, seen.length, 'no version twice')
    t.equal(stored.filter(({ revoked }) => revoked).length, 2)
    const rows = await w.database.query<{ n: number; moments: number }>(
      'select count(*) as n, count(distinct added) as moments from publication',
    )
    t.equal(rows[0]?.n, rows[0]?.moments, 'no two at the same moment, whatever the clocks say')
  },
)

t.test('while the shrink guard holds the list, nothing is revoked', async (t) => {
  const guarded = feedOf('guarded', { shrinkGuard: 0.5 })
  const w = await world(t, { feeds: [guarded] })
  await w.fetch(domains(10))
  const before = await drain(w.app, 'guarded')
  await w.fetch([], { removed: domains(9).map(({ provenance }) => ({ remoteId: provenance.remoteId })) })
  t.strictSame((await drain(w.app, 'guarded', `added_after=${before.last}`)).objects, [])
  await w.refreshFeed(guarded, { now: new Date(w.clock.now), accept: true })
  const after = await drain(w.app, 'guarded', `added_after=${before.last}`)
  t.equal(after.objects.filter(({ revoked }) => revoked).length, 9, 'once the loss is accepted, all at once')
})

t.test('a collection that is read for the first time while its list is held is that list', async (t) => {
  const guarded = feedOf('guarded', { shrinkGuard: 0.5, maxTlp: 'amber' })
  const w = await world(t, { feeds: [guarded] })
  await w.fetch(domains(10))
  await w.refreshFeed(guarded, { now: new Date(w.clock.now) })
  const [left, secret, ...others] = domains(10) as [Observation, Observation, ...Observation[]]
  const removed = [left, ...others.slice(0, 5)].map(({ provenance: { remoteId } }) => ({ remoteId }))
  await w.fetch([{ ...secret, tlp: 'red', description: 'for one pair of eyes' }], { removed })
  const { objects } = await drain(w.app, 'guarded')
  const indicators = objects.filter(({ type }) => type === 'indicator')
  t.strictSame(
    indicators.map(({ name }) => name).sort(),
    domains(10)
      .map(({ value }) => value)
      .sort(),
  )
  t.notMatch(JSON.stringify(objects), /one pair of eyes/, 'as the list has it, not as it is now')
  await w.refreshFeed(guarded, { now: new Date(w.clock.now), accept: true })
  const after = await drain(w.app, 'guarded')
  t.equal(after.objects.filter(({ revoked }) => revoked).length, 7)
})

t.test(
  'a held list of which an entry can not be told any more is an error, and no shorter collection',
  async (t) => {
    const narrow = feedOf('guarded', { types: ['ipv4'] })
    const wide = feedOf('guarded', { shrinkGuard: 0.5 })
    const w = await world(t, { feeds: [narrow] })
    await w.fetch(domains(10))
    await w.refreshFeed(narrow, { now: new Date(w.clock.now) })
    const { app, refreshFeed } = await w.replica([wide])
    // All of them enter where the log ends, and not where they changed.
    t.match(await refreshFeed(wide, { now: new Date(w.clock.now) }), { entries: 10, held: null })
    const [changed, ...others] = domains(10) as [Observation, ...Observation[]]
    const removed = others.slice(0, 6).map(({ provenance: { remoteId } }) => ({ remoteId }))
    await w.fetch([{ ...changed, confidence: 99 }], { removed })
    const response = await get(app, '/taxii2/feeds/collections/guarded/objects/')
    t.match(response.json(), { http_status: '503', error_code: 'FEED_NOT_READY' })
    t.equal(response.headers['retry-after'], '15')
    await refreshFeed(wide, { now: new Date(w.clock.now), accept: true })
    t.equal(values((await drain(app, 'guarded')).objects).length, 4)
  },
)

t.test(
  'a feed with another filter revokes what it no longer holds, and publishes nothing again',
  async (t) => {
    const w = await world(t)
    await w.fetch([...domains(20), observationOf(99, { type: 'ipv4', value: '198.51.100.7' })])
    const before = await drain(w.app, id)
    const narrowed = await w.replica([feedOf('all', { types: ['ipv4'] })])
    const after = await drain(narrowed.app, id, `added_after=${before.last}`)
    t.equal(after.objects.length, 20)
    t.ok(after.objects.every(({ revoked }) => revoked))
  },
)

t.test(
  'the owner that reported first stays the creator, and its identity is in every collection',
  async (t) => {
    const w = await world(t, { feeds: [feedOf('all'), feedOf('later', { minConfidence: 50 })] })
    const by = (owner: string, remoteId: number, more = {}) =>
      observationOf(remoteId, { type: 'domain', value: 'evil.example', ...more }, { owner })
    await w.fetch([by('Zeta', 1)])
    const [creator] = (await drain(w.app, 'all')).objects.filter(({ type }) => type === 'identity')
    t.equal(creator?.name, 'Zeta')
    await w.fetch([by('Alpha', 2, { confidence: 90 })], { removed: [{ remoteId: '1' }] })
    for (const feed of ['all', 'later']) {
      const { objects } = await drain(w.app, feed)
      const indicator = objects.find(({ type }) => type === 'indicator')
      t.equal(indicator?.created_by_ref, creator?.id, feed)
      t.ok(
        objects.some((object) => object.id === creator?.id),
        `${feed} has its identity`,
      )
      t.match(indicator?.external_references, [{ source_name: 'Alpha' }], 'what is said of it is new')
    }
  },
)

t.test('what was revoked long ago is forgotten; what is in a collection is not', async (t) => {
  const w = await world(t)
  await w.fetch(domains(3))
  await drain(w.app, id)
  await w.fetch(domains(3, { confidence: 5 }), { removed: [{ remoteId: '1' }] })
  await w.fetch(domains(2, { confidence: 5 }), { removed: [{ remoteId: '3' }] })
  const before = (await drain(w.app, id)).objects
  t.equal(before.filter(({ revoked }) => revoked).length, 1)
  t.equal(await w.prunePublications(new Date(w.clock.now - 30 * 86_400_000)), 0, 'nothing is old enough')
  const later = new Date(w.clock.now + 86_400_000)
  await w.database.execute(`update stix_object set stored_at = stored_at - interval '2 days'`)
  t.equal(await w.prunePublications(new Date(0)), 0, 'what was let go just now may be on its way back')
  await w.database.execute(`update stix_object_left set left_at = left_at - interval '2 days'`)
  t.ok((await w.prunePublications(later)) > 1, 'the revoked object, and versions that nobody has')
  const after = (await drain(w.app, id)).objects
  t.strictSame(
    after,
    before.filter(({ revoked }) => !revoked),
  )
  t.equal(await w.prunePublications(later), 0)
})

t.test('a version is kept as long as one collection has it, and while it may come back', async (t) => {
  const strict = feedOf('strict', { minConfidence: 1 })
  const w = await world(t, { feeds: [feedOf('all'), strict] })
  const versions = async () => {
    const rows = await w.database.query<{ n: number }>(`select count(*)::int as n from stix_object
      where type = 'indicator'`)
    return rows[0]?.n
  }
  const aDayLater = async () => {
    await w.database.execute(`update stix_object set stored_at = stored_at - interval '25 hours'`)
    await w.database.execute(`update stix_object_left set left_at = left_at - interval '25 hours'`)
    return w.prunePublications(new Date(0))
  }
  const [first] = domains(1, { confidence: 10 }) as [Observation]
  await w.fetch([first])
  const one = (await drain(w.app, 'all')).objects
  await drain(w.app, 'strict')
  await w.fetch([{ ...first, confidence: 20 }])
  await drain(w.app, 'all')
  t.equal(await versions(), 2)
  t.equal(await aDayLater(), 0, 'the other collection still has it')
  t.equal(await versions(), 2)
  await drain(w.app, 'strict')
  t.equal(await w.prunePublications(new Date(0)), 0, 'it may be on its way back')
  t.equal(await aDayLater(), 1)
  t.equal(await versions(), 1)

  await w.fetch([first])
  await drain(w.app, 'all')
  await drain(w.app, 'strict')
  await w.fetch([{ ...first, confidence: 20 }])
  const back = (await drain(w.app, 'all')).objects
  await drain(w.app, 'strict')
  t.equal(await versions(), 2)
  t.equal(await aDayLater(), 1, 'it came back: what was between goes')
  t.strictSame((await drain(w.app, 'all')).objects, back)
  t.equal(back.length, one.length)

  await w.fetch([{ ...first, confidence: 0 }])
  await drain(w.app, 'all')
  t.equal(await versions(), 2)
  await w.registerFeeds([strict])
  t.equal(await aDayLater(), 1, 'its collection is no longer there')
  t.equal(await versions(), 1)
})

t.test('versions that an earlier schema had left are found after the upgrade', async (t) => {
  const w = await world(t)
  const [only] = domains(1) as [Observation]
  await w.fetch([only])
  await drain(w.app, id)
  await w.fetch([{ ...only, confidence: 5 }])
  await drain(w.app, id)
  const version = migrations.findIndex(({ name }) => name === '010-versions-left')
  await w.database.execute('drop table stix_object_left; drop function publication_left cascade')
  await w.database.execute(`update schema_version set version = ${version}`)
  t.equal(await migrate(w.database, migrations.slice(0, version + 1), silent), 1)
  t.equal(await w.prunePublications(new Date(0)), 0)
  await w.database.execute(`update stix_object set stored_at = stored_at - interval '2 days'`)
  await w.database.execute(`update stix_object_left set left_at = left_at - interval '2 days'`)
  t.equal(await w.prunePublications(new Date(0)), 1)
})

t.test(
  'a page ends before it grows beyond what memory has for it, and the walk goes on behind it',
  async (t) => {
    const w = await world(t)
    const long = domains(12, { description: 'ü'.repeat(2000) })
    await w.fetch(long)
    await drain(w.app, id)
    const small = publicationStore(w.database, renderForCollections, { mostPageBytes: 30_000 })
    const names: string[] = []
    let after = 0
    for (let more = true; more; ) {
      const page = await small.publishedObjects('all', { tlp: 2, limit: 100, after, types: ['indicator'] })
      t.ok(page.pieces.join(',').length < 30_000 + 14_000)
      t.ok(page.count > 0 && page.count < 5)
      names.push(...values(JSON.parse(`[${page.pieces.join(',')}]`)))
      after = page.last ?? 0
      more = page.more
    }
    t.strictSame(names.toSorted(), long.map(({ value }) => value).toSorted())
  },
)

t.test('many readers of a new collection at once get the same, and hold few connections', async (t) => {
  const w = await world(t)
  await w.fetch(domains(1200))
  await w.refreshFeed(feedOf('all'), { now: new Date(w.clock.now) })
  const answers = await Promise.all(Array.from({ length: 30 }, () => get(w.app, `${objectsUrl}?limit=5000`)))
  const bodies = new Set(answers.map(({ body }) => body))
  t.equal(bodies.size, 1)
  t.equal(values(envelopeOf(answers[0] as (typeof answers)[0]).objects).length, 1200)
})
