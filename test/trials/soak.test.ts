/** The long run in short: everything that clients do at once, while products go away and come back. */
import t from 'tap'
import { sourceProgram, startServer, withChildren } from '../../bench/harness/processes.ts'
import { soak } from '../../trials/soak-run.ts'

t.setTimeout(300_000)

t.test('everything at once, with products that go away, is answered and right in the end', async (t) => {
  const { faults, samples, ...figures } = await withChildren(200_000, (start, folder) =>
    soak({
      ...{ start, folder, seconds: 6, seed: 20_261_126, records: 700, tickets: 10, listsPerSecond: 20 },
      ...{ sampleEverySeconds: 2, collectEvery: 2, frontTimes: { together: 1000, away: 1000 } },
      serve: (options) =>
        startServer(start, {
          ...options,
          program: sourceProgram,
          preload: ['--expose-gc', '--import', './trials/children/memory.ts'],
        }),
    }),
  )
  t.strictSame(faults.slice(0, 20), [])
  const { requests, restarts, pushes, records, tickets, fetches } = figures
  t.comment(JSON.stringify({ requests, restarts, pushes, records, tickets, fetches }))
  t.equal(samples.length, 3)
  t.ok((samples[1]?.collected?.heapUsed ?? 0) > 1e6, 'memory was looked at')
  t.ok(
    samples.every(({ files, postgres, database }) => files.socket > 0 && postgres > 1e6 && database > 1e6),
    'and files, and the database',
  )
  t.ok(requests > 50 && restarts > 0 && pushes > 0 && records > 500 && tickets >= 10, 'there was load')
})
