/** The database is replaced by another one under a server at work, which goes on: nothing that was told is lost. */
import t from 'tap'
import { postmaster, start as startEngine, storeFolder } from '../../store/embedded/servers.ts'
import { installed, startPair } from './pair.ts'
import { runServer } from './server-run.ts'

t.setTimeout(300_000)

const bin = installed()
const withoutPair =
  bin === undefined && 'no PostgreSQL with pg_basebackup is installed in /usr/lib/postgresql'

t.test(
  'a database that crashes and starts again loses nothing, and the server needs no restart',
  async (t) => {
    const folder = await storeFolder(t)
    const settings = { fsync: 'off' }
    const first = await startEngine(t, folder, { settings })
    const crash = async (round: number) => {
      if (round !== 1) return first.connection
      process.kill(postmaster(folder), 'SIGQUIT')
      await first.ended
      await first.stop()
      return (await startEngine(t, folder, { settings })).connection
    }
    const { faults, answers } = await runServer(t, {
      ...{ seed: 1, rounds: 3, records: 150, connection: first.connection },
      async beside(proxy, round) {
        if (round === 1) proxy.target = await crash(round)
      },
    })
    t.same(faults, [])
    t.comment(JSON.stringify(answers))
  },
)

t.test('a standby takes the place of its primary, and all goes on', { skip: withoutPair }, async (t) => {
  if (bin === undefined) return
  const pair = await startPair(t, bin)
  const { faults, answers } = await runServer(t, {
    ...{ seed: 2, rounds: 3, records: 150, connection: pair.primary },
    async beside(proxy, round) {
      if (round === 1) proxy.target = await pair.failOver()
    },
  })
  t.same(faults, [])
  t.comment(JSON.stringify(answers))
})
