import fc from 'fast-check'
import t from 'tap'
import { parseExact } from '../../src/model/exact-number.ts'
import { memberText, withMember, withSpreadMember } from '../../src/model/json-text.ts'

t.test('a member of a JSON text is found as it stands there, whatever surrounds it', async (t) => {
  // No key ends with a backslash: V8's JSON.parse (13.6) then takes `"\\""` of a later text for that key.
  const names = fc.constantFrom('raw', 'a', '"', 'b\\c', 'raw"', '{', 'é', '')
  const objects = fc.dictionary(names, fc.jsonValue(), { noNullPrototype: true })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(objects, names, (object, name) => {
        const json = JSON.stringify(object)
        const found = memberText(json, name)
        return found === (Object.hasOwn(object, name) ? JSON.stringify(JSON.parse(json)[name]) : undefined)
      }),
      { numRuns: 2000 },
    ),
  )
  fc.assert(
    fc.property(objects, fc.jsonValue(), (object, value) => {
      const json = withMember(JSON.stringify(object), 'new', JSON.stringify(value))
      return json === JSON.stringify({ ...object, new: value })
    }),
  )
})

t.test('the members of a member stand in its place', async (t) => {
  const json =
    '{"a":"\\"provenance\\":{","provenance":{"source":"tc","n":9007199254740993},"raw":{"provenance":{}}}'
  t.equal(
    withSpreadMember(json, 'provenance'),
    '{"a":"\\"provenance\\":{","source":"tc","n":9007199254740993,"raw":{"provenance":{}}}',
  )
  t.equal(withSpreadMember('{"a":1}', 'provenance'), '{"a":1}')
})

t.test('numbers keep every digit on their way out', async (t) => {
  const json = '{"a":"\\\\\\"","raw":{"id":9007199254740993,"x":1.10},"z":[]}'
  t.equal(memberText(json, 'raw'), '{"id":9007199254740993,"x":1.10}')
  t.equal(JSON.stringify(parseExact(json)), json.replace('1.10', '1.1'))
})
