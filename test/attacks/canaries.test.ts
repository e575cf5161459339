/** The short form of trials/canaries.ts: that it finds what is there to be found, and nothing else. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { finder } from '../../trials/needles.ts'

const root = join(import.meta.dirname, '../..')

function trial(file: string, plantedAt = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['trials/canaries.ts', file], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PLANTED: plantedAt },
  })
  return { status, text: stdout + stderr, found: stdout.match(/^FOUND in .*/gm) ?? [] }
}

t.test('a secret in what is printed, left or removed is found, and one that a test wrote is not', (t) => {
  const clean = trial('test/attacks/planted.ts')
  t.equal(clean.status, 0, clean.text)
  t.match(clean.text, /^1 secrets in \d\d? spellings; 0 more/m)
  t.match(clean.text, /1 files with secrets are the tests' own\n0 hits/)
  const leaky = trial('test/attacks/planted.ts', 'output,file,removed,big')
  t.equal(leaky.status, 1, leaky.text)
  t.match(leaky.found.map((line) => /^FOUND in (\S+): secret 0 /.exec(line)?.[1]).sort(), [
    '/printed',
    '/t/planted/big.log',
    '/t/planted/left.log',
    '/t/planted/removed.log',
  ])
  t.end()
})

t.test('a run in which no secret was loaded proves nothing', (t) => {
  const empty = trial('test/attacks/none.ts')
  t.equal(empty.status, 1)
  t.match(empty.text, /no secret was loaded: nothing is proved/)
  t.end()
})

t.test('each of many texts is found wherever it stands, and told once', (t) => {
  const needles = Array.from({ length: 500 }, (_, index) => ({
    name: `n${index}`,
    text: `needle-${index}/ä`,
  }))
  const find = finder([...needles, { name: 'short', text: 'short' }])
  t.strictSame(find(Buffer.from('')), [])
  t.strictSame(find(Buffer.from('needle-7 needle-8/a short')), [])
  for (const { name, text } of needles) {
    const before = 'x'.repeat(name.length)
    t.strictSame(find(Buffer.from(before + text)), [{ name, at: before.length }], name)
    t.strictSame(find(Buffer.from(text + text)), [{ name, at: 0 }], name)
  }
  t.end()
})
