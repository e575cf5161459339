/** `kill -9` again and again while a fetch is under way: what is stored in the end, and what the receipt says. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { stringify } from 'yaml'
import { createRandom } from '../../src/sources/threatconnect/simulator/corpus/random.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import type { Run } from '../../src/store/store.ts'
import { sourceEntry } from '../app.ts'
import { addsUp } from '../pipeline/store.ts'
import { engineProcesses, storeFolder, until } from '../store/embedded/servers.ts'
import { commandLine } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const size = 5000
const pageSize = 250
const kills = 3
/** Pages that a life sees at most, and how long the next one may last. */
const longestLife = { pages: 6, ms: 40 }

t.test(
  'a fetch whose server is killed three times stores every record once, and counts it once',
  async (t) => {
    const random = createRandom(20_251_125)
    const indicators = Array.from({ length: size }, (_, index) => ({
      type: 'Host',
      summary: `host-${index}.example`,
      confidence: index % 101,
      // Two that nobody can read.
      ...(index % 2500 === 1250 && { id: 900_000 + index, json: `{"id":${900_000 + index},"type":"Host"}` }),
    }))
    const simulator = await startThreatConnectSimulator({ indicators })
    t.teardown(() => simulator.close())
    let pages = 0
    let seen = () => {}
    // It spoils no answer; it is how each request is noticed.
    const when = () => {
      pages++
      seen()
      return false
    }
    simulator.fail({ kind: 'reset' }, { times: 'always', when })
    const morePages = (count: number) =>
      new Promise<void>((resolve) => {
        const last = pages + count
        seen = () => {
          if (pages >= last) resolve()
        }
      })

    const store = await storeFolder(t)
    const config = join(cli.folder, 'kill.yaml')
    const source = sourceEntry(simulator.url, { every: '1h', settings: { pageSize } })
    writeFileSync(
      config,
      stringify({
        server: { port: 0, doctorAtStart: false },
        store: { url: `file:${store}` },
        sources: [source],
      }),
    )
    const serve = () => cli.start(['serve', '--config', config])

    for (let kill = 0; kill < kills; kill++) {
      const come = morePages(1 + random.below(longestLife.pages))
      const { child, ended } = serve()
      await come
      // A moment within the page that comes now.
      await wait(random.below(longestLife.ms))
      child.kill('SIGKILL')
      await ended
    }

    const last = serve()
    const [, url = ''] = await last.until(/"listening on (http:[^"]+)"/)
    await last.until(/"fetch succeeded"/)
    const get = async <T>(path: string) => (await (await fetch(url + path)).json()) as T
    const { data: runs } = await get<{ data: readonly Run[] }>('/api/v1/sources/tc/runs')
    t.equal(runs.length, 1, 'it is one fetch all along')
    const [run] = runs
    const readable = size - 2
    t.match(run, { received: size, stored: readable, updated: 0, unchanged: 0, unreadableCount: 2 })
    t.ok(run !== undefined && addsUp(run), 'the receipt adds up')

    type Stored = {
      readonly value: string
      readonly confidence: number
      readonly observations: readonly object[]
    }
    const { data } = await get<{ data: readonly Stored[] }>('/api/v1/indicators?limit=10000&raw=false')
    t.equal(data.length, readable)
    t.ok(data.every(({ observations }) => observations.length === 1))
    const stored = new Map(data.map(({ value, confidence }) => [value, confidence]))
    const wrong = indicators.filter(
      ({ summary, confidence, ...more }) => stored.get(summary) !== ('json' in more ? undefined : confidence),
    )
    t.strictSame(wrong, [], 'no record is missing or another one')

    last.child.kill('SIGTERM')
    t.equal((await last.ended).code, 0)
    await until(() => engineProcesses(store).length === 0)
  },
)
