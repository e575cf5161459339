/** What is done for a key depends on nothing that the key has in common with one of ours. trials/timing.ts measures it. */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { appWith } from '../app.ts'

const own = { compare: crypto.timingSafeEqual, hash: crypto.hash }
let compared: string[] = []
let hashed = 0
crypto.timingSafeEqual = (a, b) => {
  compared.push(`${a.byteLength} with ${b.byteLength}`)
  return own.compare(a, b)
}
crypto.hash = ((...given: Parameters<typeof own.hash>) => {
  hashed++
  return own.hash(...given)
}) as typeof own.hash
syncBuiltinESMExports()

t.test(
  'every key is hashed once and compared with all of ours, known or not, right or nearly right',
  async (t) => {
    const secret = (id: string) => `secret-of-${id}-${'x'.repeat(30)}`
    const ids = Array.from({ length: 7 }, (_, index) => `key${index}`)
    const keys = ids.map((id) => ({ id, secret: secret(id), scopes: ['admin'] }))
    const { createHash } = await import('node:crypto')
    const second = `sha256:${createHash('sha256').update('another').digest('hex')}`
    const app = await appWith({
      auth: { keys: [...keys, { id: 'key0', secretHash: second, scopes: ['admin'] }] },
      feeds: [{ name: 'all' }],
    })
    t.teardown(() => app.close())
    const basic = (id: string, password: string) =>
      `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`
    const first = secret('key0')
    const rows: readonly (readonly [what: string, headers: Record<string, string>, isKnown: boolean])[] = [
      ['nothing of ours', { authorization: 'Bearer nothing' }, false],
      ['the first characters', { authorization: `Bearer ${first.slice(0, -1)}!` }, false],
      ['one character more', { authorization: `Bearer ${first}x` }, false],
      ['one of a thousand characters', { authorization: `Bearer ${'x'.repeat(1000)}` }, false],
      ['the first key', { authorization: `Bearer ${first}` }, true],
      ['the last key', { authorization: `Bearer ${secret('key6')}` }, true],
      ['in the other header', { 'x-api-key': secret('key3') }, true],
      ['a wrong one there', { 'x-api-key': `${secret('key3')}!` }, false],
      ['an unknown id', { authorization: basic('nobody', first) }, false],
      ['a known id with the secret of another', { authorization: basic('key1', first) }, false],
      ['a known id with a wrong secret', { authorization: basic('key0', `${first.slice(0, -1)}!`) }, false],
      ['a known id with its secret', { authorization: basic('key0', first) }, true],
      ['no id', { authorization: basic('', first) }, false],
      ['an id that every object has', { authorization: basic('__proto__', first) }, false],
    ]
    for (const [what, headers, isKnown] of rows) {
      compared = []
      hashed = 0
      const { statusCode } = await app.inject({ url: '/feeds/all.txt', headers })
      // There is no store: whoever is known gets that far.
      t.equal(statusCode, isKnown ? 503 : 401, what)
      t.equal(compared.length, 8, `${what}: each of our eight digests`)
      t.strictSame(new Set(compared), new Set(['32 with 32']), what)
      t.equal(hashed, 1, what)
    }
  },
)
