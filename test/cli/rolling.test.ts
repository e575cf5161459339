/** Two servers over one database, restarted in turn while clients go on: nobody notices. */
import t from 'tap'
import { roll } from '../../trials/rolling-run.ts'
import { freshDatabase } from '../store/database.ts'
import { commandLine } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)

t.test('a rolling restart under load loses no request, no push, no fetch and no ticket', async (t) => {
  const { url: storeUrl } = await freshDatabase(t)
  const { faults, ...figures } = await roll({
    ...{ restarts: 2, pauses: 3, folder: cli.folder, storeUrl },
    async start(file) {
      const { child, until, ended } = cli.start(['serve', '--config', file])
      const [, url = ''] = await until(/"listening on (http:[^"]+)"/)
      return {
        url,
        async stop() {
          child.kill('SIGTERM')
          return (await ended).code
        },
      }
    },
  })
  t.comment(JSON.stringify(figures))
  t.strictSame(faults.slice(0, 20), [])
  t.ok(
    figures.requests > 100 && figures.pushes > 0 && figures.fetches > 0 && figures.tickets > 0,
    'there was load',
  )
  t.ok(figures.sentAway > 0, 'connections that stay were sent away before the end')
})
