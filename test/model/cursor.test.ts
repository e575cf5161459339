import fc from 'fast-check'
import t from 'tap'
import {
  changeCursor,
  changePosition,
  openCursor,
  pageAfter,
  pageCursor,
  sealCursor,
} from '../../src/model/cursor.ts'
import { parseExact } from '../../src/model/exact-number.ts'
import { memberText, withMember, withSpreadMember } from '../../src/model/json-text.ts'

const uuid = fc.uuid().map((id) => `indicator--${id}`)
const seq = fc.integer({ min: 0, max: 2 ** 48 - 1 })

t.test('a cursor gives back the position that it was made of, and is plain in an address', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(uuid, fc.string(), (after, filters) => {
        const cursor = pageCursor({ after, filters })
        const position = pageAfter(cursor, filters)
        return /^[\w-]{44}$/.test(cursor) && typeof position === 'object' && position.after === after
      }),
    ),
  )
  fc.assert(
    fc.property(seq, seq, fc.integer({ min: 0, max: 2 ** 47 }), (at, floor, epochNumber) => {
      const epoch = epochNumber.toString(16).padStart(12, '0')
      const cursor = changeCursor({ epoch, seq: at, floor })
      const position = changePosition(cursor)
      return (
        /^[\w-]{36}$/.test(cursor) &&
        position?.epoch === epoch &&
        position.seq === at &&
        // What was pruned before the reader began no longer matters once it has come that far.
        position.floor === (floor <= at ? 0 : floor)
      )
    }),
  )
})

t.test('no damaged cursor is taken: 100,000 random bit flips, cuts, and other spellings', async (t) => {
  const page = pageCursor({ after: 'indicator--01234567-89ab-5cde-8f01-23456789abcd', filters: '[]' })
  const change = changeCursor({ epoch: '0123456789ab', seq: 123456, floor: 999999 })
  const cursors = [
    { text: page, opens: (text: string) => typeof pageAfter(text, '[]') === 'object' },
    { text: change, opens: (text: string) => changePosition(text) !== undefined },
  ]
  for (const { text, opens } of cursors) {
    t.ok(opens(text))
    let taken = 0
    for (let n = 0; n < 50_000; n++) {
      const bytes = Buffer.from(text)
      for (let flips = 1 + (n % 3); flips > 0; flips--) {
        const at = Math.floor(Math.random() * bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8))
      }
      const damaged = bytes.toString('latin1')
      if (damaged !== text && opens(damaged)) taken++
    }
    t.equal(taken, 0)
    for (let length = 0; length < text.length; length++)
      t.notOk(opens(text.slice(0, length)), `cut to ${length}`)
    for (const other of [`${text}=`, ` ${text}`, `${text}A`, text.toLowerCase(), `${text}${text}`, '']) {
      t.notOk(opens(other), JSON.stringify(other))
    }
  }
  t.notOk(changePosition(page), 'a cursor of another list')
  t.equal(pageAfter(change, '[]'), 'unknown', 'and the other way round')
  t.equal(openCursor('changes', sealCursor('indicators', Buffer.alloc(18)), 18), undefined)
})

t.test('a cursor belongs to the filters of its list', async (t) => {
  const cursor = pageCursor({ after: 'indicator--01234567-89ab-5cde-8f01-23456789abcd', filters: 'a' })
  t.equal(pageAfter(cursor, 'b'), 'other filters')
})

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
