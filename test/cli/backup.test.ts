import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startEmbedded } from '../../src/store/embedded/start.ts'
import { fill, observationOf, openStore, silent } from '../store/postgres/stored.ts'
import { commandLine, main } from './command-line.ts'

t.setTimeout(300_000)

/** Outside of the checkout, which other users need not be able to read. */
const folder = mkdtempSync(join(tmpdir(), 'feed-cli-backup-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

t.test(
  'a store is backed up and restored into another folder; a store in use is named, not touched',
  async (t) => {
    const { run } = commandLine(t)
    const storeIn = (name: string) => ({ FEED_STORE_URL: `file:${join(folder, name)}` })
    const file = join(folder, 'backup.gz')

    const none = await run(['backup', file], { env: storeIn('first') })
    t.equal(none.code, 1)
    t.match(none.stderr, /there is no store in .*first \(store\.url\)/)
    t.notOk(existsSync(join(folder, 'first')), 'and none is made')

    const settings = { fsync: 'off' }
    const embedded = await startEmbedded({ folder: join(folder, 'first'), log: silent, settings })
    const store = await openStore(embedded.connection)
    await fill(store, [observationOf(1, { type: 'domain', value: 'evil.example' })])
    const busy = await run(['backup', file], { env: storeIn('first') })
    await store.database.close()
    await embedded.stop()
    t.equal(busy.code, 1)
    t.match(
      busy.stderr,
      new RegExp(`in use by another feed-server \\(process ${process.pid} on .*stop that one`),
    )
    t.notOk(existsSync(file))

    const made = await run(['backup', file], { env: storeIn('first') })
    t.equal(made.code, 0, made.stderr)
    t.match(made.stdout, /backup\.gz: 1 indicator, 1 record, 1 run, \d+ rows in all, 0\.0 MB\.\n/)
    t.equal(made.stderr, '')

    const restored = await run(['restore', file], { env: storeIn('second') })
    t.equal(restored.code, 0, restored.stderr)
    t.match(
      restored.stdout,
      /^Restored from .*backup\.gz: 1 indicator, 1 record, 1 run, \d+ rows in all\.\n$/,
    )

    const again = await run(['backup', file, '--json'], { env: storeIn('second') })
    t.strictSame([again.code, again.stderr], [0, ''])
    t.match(JSON.parse(again.stdout), { file, bytes: Number, rows: { indicator: 1, observation: 1, run: 1 } })
    const third = await run(['restore', file, '--json'], { env: storeIn('third') })
    t.strictSame([third.code, third.stderr], [0, ''])
    t.match(JSON.parse(third.stdout), { file, rows: { indicator: 1 } })
    const refused = await run(['restore', file, '--json'], { env: storeIn('third') })
    t.strictSame([refused.code, refused.stdout], [1, ''], 'of a failure nothing is on standard output')
    t.match(refused.stderr, /the store is not empty/)
    if (noTerminal() === false) {
      for (const args of [`backup '${file}'`, `restore '${file}'`]) {
        const command = `stty cols 100; '${process.execPath}' '${main}' ${args}`
        const env = { ...storeIn(args.startsWith('backup') ? 'second' : 'fourth'), TERM: 'xterm' }
        const { code, stdout } = await run(['-qec', command, '/dev/null'], { program: ['script'], env })
        t.equal(code, 0)
        t.match(stdout, /table \d+ of \d+ \| \d+ of \d+ rows/, 'a bar on a terminal')
        t.match(stdout, /1 indicator, 1 record, 1 run, \d+ rows in all/, 'and the result after it')
        t.ok(
          stdout.lastIndexOf('\u001b[?25h') > stdout.lastIndexOf('\u001b[?25l'),
          'the cursor is there again',
        )
      }
    }

    const copy = await startEmbedded({ folder: join(folder, 'second'), log: silent, settings })
    const there = await openStore(copy.connection)
    const { indicators } = await there.indicators({ limit: 10, raw: true })
    t.same(
      indicators.map(({ value, raw }) => [value, raw]),
      [['evil.example', { id: 1 }]],
    )
    await there.database.close()
    await copy.stop()
  },
)

function noTerminal(): string | false {
  const { status } = spawnSync('script', ['--version'])
  return status === 0 && spawnSync('stty', ['--version']).status === 0
    ? false
    : 'no script(1) of util-linux here'
}
