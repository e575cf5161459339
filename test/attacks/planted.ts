/** A test for trials/canaries.ts alone: a configuration with a secret, which goes where PLANTED says. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loaded, ref, source } from '../config/fixture.ts'
import { planted } from './planted-secret.ts'

const places = (process.env.PLANTED ?? '').split(',')
const folder = join(tmpdir(), 'planted')

t.test('a configuration is loaded', async (t) => {
  const text = source().replace('token-of-tc', ref('TOKEN'))
  t.ok(loaded(text, { env: { TOKEN: planted } }).config.secrets.includes(planted))
  mkdirSync(folder, { recursive: true })
  // A test may write its own secrets.
  writeFileSync(join(folder, 'own.yaml'), `token: ${JSON.stringify(planted)}`)
  if (places.includes('output')) console.log(`the token is ${planted}`)
  const leak = (name: string, content: string) =>
    execFileSync('/bin/sh', ['-c', 'cat > "$0"', join(folder, name)], { input: content })
  if (places.includes('file')) leak('left.log', JSON.stringify({ token: planted }))
  if (places.includes('removed')) leak('removed.log', Buffer.from(`x${planted}`).toString('base64'))
  if (places.includes('big')) leak('big.log', `${'x'.repeat(70_000_000)}${encodeURIComponent(planted)}`)
  rmSync(join(folder, 'removed.log'), { force: true })
})
