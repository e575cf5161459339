/** Positions that clients hand back. */

import { ServiceError } from '../../src/errors.ts'
import {
  type CursorKind,
  changeCursor,
  changePosition,
  openCursor,
  pageAfter,
  pageCursor,
  sealCursor,
} from '../../src/model/cursor.ts'
import { freshCursor, lostCursor, readCursor, writeCursor } from '../../src/sources/threatconnect/cursor.ts'
import { decodeNext, encodeNext, type Next } from '../../src/taxii/next.ts'
import { readQuery } from '../../src/taxii/query.ts'
import { timeOfMicroseconds } from '../../src/taxii/times.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { hostile, type Random } from './random.ts'

const hex = '0123456789abcdef'

const kinds = ['page', 'changes', 'next'] as const
type Kind = (typeof kinds)[number]

interface Made {
  readonly kind: Kind
  readonly seed: readonly [string, string, number, number]
  readonly ids: readonly string[]
}

function made(random: Random): Made {
  return {
    kind: random.pick(kinds),
    seed: [
      random.digits(32, hex),
      random.text(hostile, 3),
      random.below(2 ** 47),
      random.oneIn(2) ? 0 : random.below(2 ** 47),
    ],
    ids: random.list(3, () => random.text(hostile, 3)),
  }
}

const uuidOf = (digits: string) =>
  `indicator--${[digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20, 32)].join('-')}`

function nextOf({ seed: [digits, , position], ids }: Made): Next {
  const filters = ids.length === 0 ? {} : { ids: ids.toSorted() }
  return { collection: digits, position, limit: 1 + (position % 9999), filters }
}

function textOf(given: Made): string {
  const [digits, filters, seq, floor] = given.seed
  if (given.kind === 'page') return pageCursor({ after: uuidOf(digits), filters })
  if (given.kind === 'changes') return changeCursor({ epoch: digits.slice(0, 12), seq, floor })
  return encodeNext(nextOf(given))
}

/** What the server takes the text for; undefined: it refuses it. */
function opened(kind: Kind, filters: string, text: string): unknown {
  if (kind === 'changes') return changePosition(text)
  if (kind === 'next') return decodeNext(text)
  const found = pageAfter(text, filters)
  return typeof found === 'string' ? undefined : found
}

const ways = ['flip', 'flip', 'flip', 'byte', 'cut', 'insert', 'swap', 'join', 'case', 'pad'] as const
type Way = (typeof ways)[number]

interface Damage {
  readonly of: Made
  readonly other: Made
  readonly way: Way
  readonly at: number
  readonly what: number
}

function damaged({ of, other, way, at, what }: Damage): string {
  const text = textOf(of)
  const bytes = Buffer.from(text, 'latin1')
  const place = at % bytes.length
  switch (way) {
    case 'flip':
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (what % 8))
      return bytes.toString('latin1')
    case 'byte':
      bytes[place] = what % 256
      return bytes.toString('latin1')
    case 'cut':
      return text.slice(0, place)
    case 'insert':
      return text.slice(0, place) + String.fromCharCode(what % 256) + text.slice(place)
    case 'swap': {
      const from = textOf(other)
      return text.slice(0, place) + from.slice(place)
    }
    case 'join':
      return text + textOf(other)
    case 'case':
      return what % 2 === 0 ? text.toLowerCase() : text.toUpperCase()
    case 'pad':
      return what % 3 === 0
        ? `${text}=`
        : what % 3 === 1
          ? ` ${text}`
          : text.replaceAll('-', '+').replaceAll('_', '/')
  }
}

const roundTrip = property({
  name: 'round trip',
  guarantee: 'a cursor gives back the position that it was made of, and stands in an address as it is',
  short: 4000,
  make: made,
  check(given) {
    const text = textOf(given)
    expect(/^[\w-]+$/.test(text), () => `not plain in an address: ${text}`)
    const [digits, filters, seq, floor] = given.seed
    if (!/^[0-9a-f]{32}$/.test(digits)) return
    const expected = {
      page: { after: uuidOf(digits) },
      changes: { epoch: digits.slice(0, 12), seq, floor: floor <= seq ? 0 : floor },
      next: nextOf(given),
    }
    expectSame('what is read', opened(given.kind, filters, text), expected[given.kind])
  },
})

const damage = property<Damage>({
  name: 'damage',
  guarantee: 'of damaged cursors, by flips, cuts, insertions, other letters, parts of others, none is taken',
  short: 100_000,
  make: (random) => ({
    of: made(random),
    other: made(random),
    way: random.pick(ways),
    at: random.below(1000),
    what: random.below(256),
  }),
  check(given) {
    const text = damaged(given)
    if (text === textOf(given.of) || text === textOf(given.other)) return
    const read = opened(given.of.kind, given.of.seed[1], text)
    expect(read === undefined, () => `${text} is taken for ${JSON.stringify(read)}`)
  },
})

const belonging = property({
  name: 'belonging',
  guarantee: 'a cursor of one list, filter, kind or collection is none of another',
  short: 4000,
  make: (random) => ({ of: made(random), filters: random.text(hostile, 3) }),
  check({ of, filters }: { of: Made; filters: string }) {
    const text = textOf(of)
    for (const kind of kinds) {
      if (kind === of.kind) continue
      expect(opened(kind, of.seed[1], text) === undefined, () => `a cursor of ${of.kind} is one of ${kind}`)
    }
    if (of.kind === 'page' && filters !== of.seed[1]) {
      expect(pageAfter(text, filters) === 'other filters', () => 'a page of other filters goes on')
    }
    if (of.kind === 'next' && !/[\s,]/.test(of.ids.join(''))) {
      const query = readQuery(`next=${text}`, `${of.seed[0]}0`)
      expect(query.foreignNext === true && query.after === undefined, () => 'the next of another collection')
    }
    for (const kind of ['indicators', 'changes'] satisfies CursorKind[]) {
      const sealed = sealCursor(kind, Buffer.alloc(18))
      const other = kind === 'changes' ? 'indicators' : 'changes'
      expect(openCursor(other, sealed, 18) === undefined, () => 'a kind is taken for another')
    }
  },
})

const queryPieces = [
  ...[
    'added_after=',
    'limit=',
    'next=',
    'match[id]=',
    'match[type]=',
    'match[version]=',
    'match[spec_version]=',
  ],
  ...[
    '&',
    '&',
    '&',
    '=',
    ',',
    '%',
    '%41',
    '%00',
    '+',
    ' ',
    '2.1',
    '2.0',
    'all',
    'first',
    'last',
    'indicator',
    '0',
  ],
  ...['1', '-1', '99999999999999999999', '2024-01-02T03:04:05Z', '2024-01-02T03:04:05.123456789+05:30', '-9'],
  ...['0000-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59', '2024-02-30T00:00:00Z', 'é', '😀', '\u0000'],
]

const queries = property({
  name: 'TAXII query',
  guarantee: 'any query is read, or refused as ARGUMENT_INVALID with each member named',
  short: 4000,
  make: (random) => random.text(queryPieces, 10),
  check(text) {
    try {
      const { filters, limit, after } = readQuery(text, 'c')
      expect(Number.isInteger(limit) && limit >= 1 && limit <= 10_000, () => `limit ${limit}`)
      if (after !== undefined) {
        const moment = timeOfMicroseconds(after)
        expect(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(moment), () => `no moment: ${moment}`)
      }
      const next: Next = { collection: 'c', position: 5, limit, filters }
      expectSame('the next of it', decodeNext(encodeNext(next)), next)
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      expectSame('code', error.code, 'ARGUMENT_INVALID')
      expect(error.errors.length > 0, () => 'no member is named')
      for (const { pointer } of error.errors) expect(pointer.startsWith('/query/'), () => pointer)
    }
  },
})

const stored = property({
  name: 'cursor of a fetch',
  guarantee:
    'whatever became of the stored place of a fetch, it is read whole or called unusable; nothing throws',
  short: 4000,
  make: (random) => ({
    fresh: random.oneIn(2),
    at: random.below(300),
    cut: random.below(3),
    put: random.text([...hostile, '1', '9', 'true', '"', '}', '{', 'e', '-'], 2),
  }),
  check({ fresh, at, cut, put }) {
    const text = writeCursor(fresh ? freshCursor : lostCursor, 'abc')
    const changed = text.slice(0, at) + put + text.slice(at + cut)
    const read = readCursor(changed, 'abc')
    if ('unusable' in read) expect(read.unusable !== '', () => 'without a reason')
    else
      for (const { since } of [read.indicators, read.groups])
        expect(since === null || Number.isFinite(since), () => String(since))
    expect('unusable' in readCursor(text, 'abd'), () => 'the settings are others')
  },
})

export const cursors: Subject = {
  name: 'cursors',
  properties: [roundTrip, damage, belonging, queries, stored],
}
