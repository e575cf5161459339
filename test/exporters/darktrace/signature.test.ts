import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { signature } from '../../../src/exporters/darktrace/signature.ts'
import { startDarktraceSimulator } from '../../../src/exporters/darktrace/simulator/index.ts'
import { asciiJson, dateHeader } from '../../../src/exporters/darktrace/wire.ts'
import { ask } from '../../simulation/bare-client.ts'

interface Vector {
  readonly id: string
  readonly case: string
  readonly method: string
  /** Path and query as sent. */
  readonly target: string
  readonly contentType: string | null
  readonly body: string
  readonly date: string
  /** What was signed, and may differ from what was sent. */
  readonly signed: string
  readonly signature: string
  readonly signedEqualsSent: boolean
}

interface Vectors {
  readonly publicToken: string
  readonly privateToken: string
  readonly vectors: readonly Vector[]
}

const fixture: Vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/signature-vectors.json'), 'utf8'),
)
const { publicToken, privateToken, vectors } = fixture

t.test(
  'every known vector is signed as the public clients sign it, the published one among them',
  async (t) => {
    t.equal(vectors.length, 27)
    t.equal(
      vectors.find(({ id }) => id === 'dt-01')?.signature,
      'f19ae16721cc0e020ad12ec372cb15fa93bf3626',
      "the value that the vendor's guide prints",
    )
    for (const { id, case: what, signed, date, signature: expected } of vectors) {
      t.equal(signature(privateToken, { request: signed, publicToken, date }), expected, `${id} ${what}`)
      t.not(signature(privateToken, { request: signed, publicToken, date: `${date}\n` }), expected)
    }
  },
)

t.test(
  'what is signed as it was sent is let in, a form that was signed before it was encoded is not',
  async (t) => {
    for (const {
      id,
      method,
      target,
      contentType,
      body,
      date,
      signature: signed,
      signedEqualsSent,
    } of vectors) {
      const at = Date.parse(date.startsWith('2023') ? '2023-01-01T12:00:00Z' : '2024-09-26T12:00:00Z')
      const simulator = await startDarktraceSimulator({
        tokens: { publicToken, privateToken },
        now: () => at,
      })
      const answer = await ask(simulator.url, target, {
        method,
        headers: {
          'dtapi-token': publicToken,
          'dtapi-date': date,
          'dtapi-signature': signed,
          ...(contentType !== null && { 'content-type': contentType }),
        },
        ...(method === 'POST' && { body }),
      })
      await simulator.close()
      const path = target.split('?')[0]
      // A query may be signed decoded as well; a body may not.
      const good = signedEqualsSent || method === 'GET'
      t.equal(answer.status, good ? (path === '/intelfeed' ? 200 : 302) : 400, `${id} ${answer.body}`)
      if (!good) t.same([id, String(answer.body).trim()], ['dt-18', '{"response":"API SIGNATURE ERROR"}'])
    }
  },
)

t.test("every signature is the one that Node's own cryptography gives", async (t) => {
  const inputs = fc.tuple(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.string({ maxLength: 40 }),
    fc.integer({ min: 0, max: 4_102_444_800_000 }),
  )
  fc.assert(
    fc.property(inputs, ([secret, request, token, now]) => {
      const date = dateHeader(now)
      const expected = createHmac('sha1', secret).update(`${request}\n${token}\n${date}`).digest('hex')
      return signature(secret, { request, publicToken: token, date }) === expected
    }),
    { numRuns: 5000 },
  )
  t.pass('5,000 random inputs')
})

t.test('a body is ASCII and the same JSON, whatever its texts hold', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const body = asciiJson({ description: text })
      return /^[ -~\u007f]*$/.test(body) && JSON.parse(body).description === text
    }),
    { numRuns: 5000 },
  )
  t.equal(asciiJson({ description: 'café & co' }), '{"description":"caf\\u00e9 & co"}', 'as vector dt-09')
})

t.test('the date is UTC in the compact form, whatever the zone of this machine', async (t) => {
  t.equal(dateHeader(Date.UTC(2024, 8, 6, 2, 3, 4, 999)), '20240906T020304')
})
