import t from 'tap'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { sourceEntry, storedApp } from '../app.ts'
import { parsePattern } from '../feeds/stix/pattern-parser.ts'
import { bundleFaults, stixFaults } from '../feeds/stix/stix-schemas.ts'
import { drain, get, type StixJson } from './taxii-world.ts'

t.test('all that a source has comes out as STIX 2.1, the same by TAXII and as a bundle', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus: { size: 700, seed: 2 } })
  t.teardown(() => simulator.close())
  const settings = { groupTypes: ['All'], createRelationships: true, activeOnly: false }
  const { app, schedule } = await storedApp(t, {
    sources: [sourceEntry(simulator.url, { every: 'off', settings })],
    feeds: [{ name: 'all', maxTlp: 'red', activeOnly: false }],
  })
  t.equal(
    (await get(app, '/taxii2/feeds/collections/all/objects/')).statusCode,
    503,
    'before the first fetch',
  )
  await schedule.start()
  const run = await app.inject({
    method: 'POST',
    url: '/api/v1/sources/tc/fetch?wait=60',
    headers: { host: 'localhost' },
  })
  t.match(run.json(), { status: 'succeeded' })

  const { objects } = await drain(app, 'all')
  t.strictSame(objects.flatMap(stixFaults), [])
  const indicators = objects.filter(({ type }) => type === 'indicator')
  t.ok(indicators.length > 400)
  t.ok(new Set(objects.map(({ type }) => type)).size >= 10, 'groups as well')
  const objectsOf = ({ pattern = '' }: (typeof indicators)[number]) =>
    parsePattern(pattern).map(({ object }) => object)
  const several = indicators.map(objectsOf).filter(({ length }) => length !== 1)
  const inKey = ['windows-registry-key', 'windows-registry-key']
  t.ok(
    several.every((found) => found.join() === inKey.join()),
    'one comparison each, but of a value in a key',
  )

  const response = await get(app, '/feeds/all.stix.json', { accept: '*/*' })
  t.equal(response.headers['content-type'], 'application/stix+json;version=2.1')
  const bundle = response.json<{ objects: StixJson[] }>()
  t.strictSame(bundleFaults(bundle), [])
  // The bundle knows when the source had it first and last, TAXII when the store did.
  const contentOf = ({ created, modified, valid_from, ...content }: StixJson) => JSON.stringify(content)
  const inBundle = new Map(bundle.objects.map((object) => [object.id, contentOf(object)]))
  const others = objects.filter(
    (object) => !object.id.startsWith('marking-') && inBundle.get(object.id) !== contentOf(object),
  )
  t.equal(others.length, 0)
  const { length } = objects.filter(({ type }) => type !== 'marking-definition')
  t.equal(bundle.objects.filter(({ type }) => type !== 'marking-definition').length, length)
})
