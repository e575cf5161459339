/** `kill -9` again and again while pushes are under way to products that fail: what they have in the end, and the receipts. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { stringify } from 'yaml'
import { endOfExport, itemsOf, push } from '../../bench/harness/push-api.ts'
import { judgePush } from '../../bench/harness/push-judge.ts'
import { startVendor, vendorKinds } from '../../bench/harness/vendors.ts'
import { createRandom } from '../../src/sources/threatconnect/simulator/corpus/random.ts'
import { startGateway } from '../../trials/gateway.ts'
import { killAgain } from '../../trials/kills.ts'
import { engineProcesses, storeFolder, until } from '../store/embedded/servers.ts'
import { commandLine, type Running } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const size = 400
const kills = 3
/** Small, so that there are many requests. */
const objectsPerRun = 10
const faultShare = 0.08
/** Requests that a life sees at most, and how long the next one may last. */
const longestLife = { requests: 20, ms: 40 }

t.test(
  'a server that is killed three times while it pushes gives each product each indicator once',
  async (t) => {
    const random = createRandom(20_261_125)
    const indicators = Array.from({ length: size }, (_, index) => `host-${index}.malware.example`)
    const products = await Promise.all(
      vendorKinds.map(async (kind) => {
        const vendor = await startVendor(kind)
        t.teardown(() => vendor.simulator.close())
        const gateway = await startGateway(vendor, faultShare, createRandom(random.below(1e9)))
        t.teardown(() => gateway.close())
        return { kind, vendor, gateway }
      }),
    )
    const store = await storeFolder(t)
    const config = join(cli.folder, 'kill-push.yaml')
    const retry = { attempts: 12, initial: '20ms', max: '200ms' }
    const exporters = products.map(({ kind, vendor, gateway }) => ({
      kind,
      settings: vendor.settings(gateway.url),
      objectsPerRun,
      retry,
      proxy: 'none',
    }))
    writeFileSync(
      config,
      stringify({ server: { port: 0, doctorAtStart: false }, store: { url: `file:${store}` }, exporters }),
    )
    const serve = () => cli.start(['serve', '--config', config])
    const listening = async (life: Running) => ({
      url: (await life.until(/"listening on (http:[^"]+)"/))[1] ?? '',
    })

    let life = serve()
    const handOver = async () => {
      const server = await listening(life)
      return Promise.all(products.map(({ kind }) => push(server, kind, { indicators }, 'the only one')))
    }
    const exported = await handOver()
    const worked = await killAgain({
      kills,
      random,
      spawn() {
        // The first one has the pushes in hand already.
        if (life.child.exitCode !== null || life.child.signalCode !== null) life = serve()
        const { child, ended } = life
        return {
          async kill() {
            child.kill('SIGKILL')
            await ended
            // What was on its way is still of that life.
            await wait(20)
            for (const { gateway } of products) gateway.nextLife()
          },
        }
      },
      async working() {
        const requests = 1 + random.below(longestLife.requests)
        await Promise.any(products.map(({ gateway }) => gateway.more(requests)))
        await wait(random.below(longestLife.ms))
      },
    })
    t.ok(worked > 0, 'some were killed while they sent')

    life = serve()
    const server = await listening(life)
    t.same(
      (await handOver()).map(({ id }) => id),
      exported.map(({ id }) => id),
      'a push that is handed over again is the same export',
    )
    for (const [place, { kind, vendor, gateway }] of products.entries()) {
      const { id } = exported[place] ?? { id: '' }
      const { counts } = await endOfExport(server, id)
      const { faults, byStatus, sentAgain, repeats } = judgePush(indicators, await itemsOf(server, id), {
        entries: vendor.entries(),
        sendings: gateway.sendings,
      })
      t.same(faults.slice(0, 10), [], `${kind}: each indicator is there once and has its receipt`)
      const { total, ...each } = counts
      t.equal(total, size)
      t.same(
        Object.fromEntries(Object.entries(each).filter(([, count]) => count > 0)),
        byStatus,
        `${kind}: the receipt sums its items up`,
      )
      t.ok(gateway.faults > 0, `${kind}: ${gateway.faults} requests failed`)
      t.comment(`${kind}: ${sentAgain} values were sent again, ${repeats} by the receipts`)
    }
    life.child.kill('SIGTERM')
    t.equal((await life.ended).code, 0)
    await until(() => engineProcesses(store).length === 0)
  },
)
