import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { signature } from '../../../src/sources/threatconnect/signature.ts'

t.test('the documented vector is signed as ThreatConnect expects it', async (t) => {
  const path = '/api/v3/indicators?tql=typeName%20in%20(%22Address%22)&fields=tags'
  t.equal(
    signature('abc/DEF+123=secret', { path, method: 'GET', timestamp: 1_513_703_787 }),
    'TDM6mcfssobf2YOL4Lv9v+Iuq0sfgFNyZR2QvTrpWv8=',
  )
})

t.test("every signature is the one that Node's own cryptography gives", async (t) => {
  const inputs = fc.tuple(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.webPath(),
    fc.webQueryParameters(),
    fc.constantFrom('GET', 'POST', 'DELETE'),
    fc.nat(),
  )
  fc.assert(
    fc.property(inputs, ([secret, path, query, method, timestamp]) => {
      const signed = `${path}?${query}`
      const expected = createHmac('sha256', secret)
        .update(`${signed}:${method}:${timestamp}`)
        .digest('base64')
      return signature(secret, { path: signed, method, timestamp }) === expected
    }),
    { numRuns: 10_000 },
  )
  t.pass('10,000 random inputs')
})
