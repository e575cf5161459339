/** `kill -9` again and again while tickets go over and answers are lost: what the sink has in the end. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { stringify } from 'yaml'
import { effects, isDone, ticket } from '../../bench/harness/bridge-api.ts'
import { bridgeSettings, startBridgeEnds } from '../../bench/harness/bridge-ends.ts'
import { judgeBridge } from '../../bench/harness/bridge-judge.ts'
import type { RecordedRequest } from '../../src/simulation/simulator.ts'
import { createRandom } from '../../src/sources/threatconnect/simulator/corpus/random.ts'
import { engineProcesses, storeFolder, until } from '../store/embedded/servers.ts'
import { commandLine, type Running } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
/** So many lives begin with so many new tickets each, and are killed; the one after them may live. */
const kills = 3
const tickets = 5
const content = { notes: 2, attachmentBytes: 5000 }
/** More than there are tickets: none waits for another. */
const concurrency = 20
/** Writes that a life sees before their answers stop: more than are spoilt, less than there are. */
const life = { shortest: 3, longest: 12 }

async function listening(running: Running) {
  return { url: (await running.until(/"listening on (http:[^"]+)"/))[1] ?? '' }
}

/** Until all that the server has under way are writes that were carried out: a look finds them, without waiting long. */
async function untilStuck(server: { readonly url: string }, unanswered: () => number): Promise<void> {
  for (let looks = 0; looks < 3; ) {
    await wait(50)
    const inflight = await effects(server, 'inflight')
    looks = inflight.length > 0 && inflight.length === unanswered() ? looks + 1 : 0
  }
}

const isWrite = ({ method, url }: RecordedRequest) => method === 'POST' && !url.includes('/query_paged')

t.test(
  'a server that is killed three times, each time with writes of unknown outcome, makes one incident of each ticket',
  async (t) => {
    const random = createRandom(20_261_125)
    const ends = await startBridgeEnds()
    const { ctp, soar } = ends
    t.teardown(() => ends.close())
    const store = await storeFolder(t)
    const config = join(cli.folder, 'kill-bridge.yaml')
    const retry = { attempts: 12, initial: '20ms', max: '200ms' }
    const settings = bridgeSettings(ends, { every: '1s', changesEvery: '1s', concurrency, retry })
    writeFileSync(
      config,
      stringify({
        server: { port: 0, doctorAtStart: false },
        store: { url: `file:${store}` },
        bridges: [settings],
      }),
    )
    const serve = () => cli.start(['serve', '--config', config])

    const ids: string[] = []
    for (let kill = 1; kill <= kills; kill++) {
      ids.push(...ctp.addTickets(tickets, { ...content, seed: kill }))
      ctp.failAfter({ kind: 'reset' }, { when: ({ url }) => url.endsWith('/acknowledge') })
      ctp.fail({ kind: 'half-body' }, { when: ({ url }) => url.includes('/updates') })
      ctp.fail({ kind: 'status', status: 503 }, { when: ({ url }) => url.includes('/attachments/') })
      soar.fail({ kind: 'status', status: 409 }, { when: isWrite })
      soar.failAfter({ kind: 'reset' }, { when: isWrite })
      const running = serve()
      const server = await listening(running)
      const written = soar.writes.length + life.shortest + random.below(life.longest - life.shortest)
      await until(() => soar.writes.length >= written)
      // From now on each write is carried out, and its answer never comes.
      let unanswered = 0
      const when = (request: RecordedRequest) => isWrite(request) && ++unanswered > 0
      soar.failAfter({ kind: 'delay', ms: 600_000 }, { times: 'always', when })
      await untilStuck(server, () => unanswered)
      running.child.kill('SIGKILL')
      await running.ended
      ctp.clearFaults()
      soar.clearFaults()
      t.ok(unanswered > 0, `${unanswered} writes were under way`)
    }
    ctp.addWorklog(ids[0] ?? '', {
      description: 'It came while nobody listened.',
      dateCreated: 1_700_000_000_000,
    })

    const running = serve()
    const server = await listening(running)
    while (ctp.unacknowledged().length > 0 || !(await isDone(server, ids.length))) await wait(50)
    const { faults, notes, attachments } = judgeBridge(ends, ids)
    t.same(faults.slice(0, 10), [], 'each ticket is one incident, with each note and file once')
    t.equal(notes, ids.length * content.notes + 1)
    t.equal(attachments, ids.length)
    const told = await Promise.all(ids.map((id) => ticket(server, id)))
    const events = told.flatMap((each) => each.events)
    t.ok(
      events.some(({ kind }) => kind === 'adopted'),
      'an incident whose answer was lost was found again',
    )
    running.child.kill('SIGTERM')
    t.equal((await running.ended).code, 0)
    await until(() => engineProcesses(store).length === 0)
  },
)
