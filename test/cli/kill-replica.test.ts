/** `kill -9` of one of three servers over one database while clients go on: only what it had in hand fails. */
import t from 'tap'
import { killReplicas } from '../../trials/kill-replica-run.ts'
import { freshDatabase } from '../store/database.ts'
import { commandLine } from './command-line.ts'

// Others take over what the dead one had within 20 s: most of it is waiting.
t.setTimeout(300_000)
const cli = commandLine(t)

t.test(
  'one of three servers that dies loses no push, no fetch and no ticket, and others answer',
  async (t) => {
    const { url: storeUrl } = await freshDatabase(t)
    const { faults, ...figures } = await killReplicas({
      ...{ kills: 3, seed: 20_261_126, pauses: 5, folder: cli.folder, storeUrl },
      // The long form does that.
      ...{ freezeShare: 0, freezeMs: { from: 0, to: 0 } },
      async start(file) {
        const { child, until, ended } = cli.start(['serve', '--config', file])
        const [, url = ''] = await until(/"listening on (http:[^"]+)"/)
        return {
          ...{ url, pid: child.pid ?? Number.NaN },
          async kill() {
            child.kill('SIGKILL')
            await ended
          },
          async stop() {
            child.kill('SIGTERM')
            return (await ended).code
          },
        }
      },
    })
    t.comment(JSON.stringify(figures))
    t.strictSame(faults.slice(0, 20), [])
    t.equal(figures.killed, 3)
    t.ok(
      figures.requests > 100 && figures.pushes > 0 && figures.fetches > 0 && figures.tickets > 0,
      'there was load',
    )
  },
)
