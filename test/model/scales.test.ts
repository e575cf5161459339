import fc from 'fast-check'
import t from 'tap'
import type { Score, Tlp } from '../../src/model/indicator.ts'
import {
  bestHash,
  boundedNumber,
  numberOf,
  reputations,
  scoreOf,
  scoreOfReputation,
} from '../../src/model/score.ts'
import { compareTimes, earliest, latest, rfc3339 } from '../../src/model/time.ts'
import { strictest, tlpFromLabels, tlpOrder } from '../../src/model/tlp.ts'

t.test('a ThreatAssess score becomes a score by the table of XSOAR, whatever its spelling', async (t) => {
  const table: [unknown, Score][] = [
    [0, 0],
    [1, 1],
    [166, 1],
    [332, 1],
    [333, 1],
    [333.3, 1],
    [334, 2],
    [498, 2],
    [664, 2],
    [666, 2],
    [667, 3],
    [830, 3],
    [1000, 3],
    [0.5, 1],
    [333.0, 1],
    ['500', 2],
    [' 830.5 ', 3],
    ['0', 0],
    [1001, 3],
    [Number.MAX_VALUE, 3],
    [-1, 0],
    ['-500', 0],
    [true, 0],
    [false, 0],
    [null, 0],
    [undefined, 0],
    ['', 0],
    ['high', 0],
    ['0x1f4', 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 0],
    [[500], 0],
    [{}, 0],
    [500n, 0],
  ]
  for (const [received, score] of table) t.equal(scoreOf(received), score, String(received))
})

t.test('a reputation overrides the score, none does not', async (t) => {
  t.strictSame(reputations.map(scoreOfReputation), [undefined, 1, 2, 3])
})

t.test('a number is a number or numeric text, nothing else', async (t) => {
  const table: [unknown, number | undefined][] = [
    [0, 0],
    [-0.5, -0.5],
    ['70', 70],
    [' 4.0 ', 4],
    ['+3', 3],
    ['.5', 0.5],
    ['5.', 5],
    ['1e2', 100],
    ['1e999', undefined],
    ['', undefined],
    [' ', undefined],
    ['7 0', undefined],
    ['1,5', undefined],
    ['0x10', undefined],
    ['Infinity', undefined],
    ['.', undefined],
    [true, undefined],
    [null, undefined],
    [undefined, undefined],
    [new Date(0), undefined],
    [['1'], undefined],
    [1n, undefined],
  ]
  for (const [received, number] of table) t.equal(numberOf(received), number, String(received))
})

t.test('a number above its scale is held to it, one below it is no number', async (t) => {
  const table: [unknown, number | undefined][] = [
    [0, 0],
    [100, 100],
    [100.5, 100],
    ['150', 100],
    [-1, undefined],
    ['x', undefined],
    [42.5, 42.5],
  ]
  for (const [received, number] of table) t.equal(boundedNumber(received, 0, 100), number, String(received))
})

t.test('the best hash is the longest', async (t) => {
  t.equal(bestHash({ md5: 'a', sha1: 'b', sha256: 'c' }), 'c')
  t.equal(bestHash({ md5: 'a', sha1: 'b' }), 'b')
  t.equal(bestHash({ md5: 'a' }), 'a')
  t.equal(bestHash({}), undefined)
})

t.test('the strictest TLP label counts, in any spelling; other labels do not', async (t) => {
  const table: [string[], Tlp | undefined][] = [
    [[], undefined],
    [['TLP:CLEAR'], 'clear'],
    [['TLP:WHITE'], 'clear'],
    [['tlp:green'], 'green'],
    [['TLP Amber'], 'amber'],
    [['TLP:AMBER+STRICT'], 'amber+strict'],
    [['tlp amber + strict'], 'amber+strict'],
    [[' TLP : Amber Strict '], 'amber+strict'],
    [['TLP_AMBER_STRICT'], 'amber+strict'],
    [['TLP-RED'], 'red'],
    [['TLPRED'], 'red'],
    [['TLP:GREEN', 'TLP:RED', 'TLP:AMBER'], 'red'],
    [['TLP:AMBER+STRICT', 'TLP:AMBER'], 'amber+strict'],
    [['Approved', 'TLP:GREEN', ''], 'green'],
    [['RED', 'AMBER'], undefined],
    [['TLP:', 'TLP', 'NOTLP:RED'], undefined],
    [['TLP:RED (internal)'], 'red'],
    [['TLP 2.0: RED'], 'red'],
    [['TLP v2: Amber+Strict'], 'amber+strict'],
    [['TLP:GREEN', 'TLP:PURPLE'], 'red'],
    [['TLP:constructor'], 'red'],
    [['TLP:ПУРПУР'], 'red'],
    [['TLP:GREENİ'], 'red'],
    [['tlp:greeni\u0307'], 'red'],
  ]
  for (const [labels, tlp] of table) t.equal(tlpFromLabels(labels), tlp, JSON.stringify(labels))
})

t.test('the stricter of two TLP levels wins over the other, and over none', async (t) => {
  t.equal(strictest(undefined, undefined), undefined)
  t.equal(strictest('clear', undefined), 'clear')
  t.equal(strictest(undefined, 'red'), 'red')
  t.equal(strictest('amber', 'amber+strict'), 'amber+strict')
  t.equal(strictest('red', 'green'), 'red')
  t.ok(tlpOrder('clear') < tlpOrder('green') && tlpOrder('amber+strict') < tlpOrder('red'))
})

t.test('every spelling of a time becomes RFC 3339 in UTC; what is no time is none', async (t) => {
  const table: [unknown, string | undefined][] = [
    ['2024-01-02T01:07:13Z', '2024-01-02T01:07:13Z'],
    ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59Z'],
    [' 2024-01-02T01:07:13Z ', '2024-01-02T01:07:13Z'],
    ['2024-01-02t01:07:13z', '2024-01-02T01:07:13Z'],
    ['2024-01-02T01:07:13.000Z', '2024-01-02T01:07:13Z'],
    ['2024-01-02T01:07:13.120Z', '2024-01-02T01:07:13.120Z'],
    ['2024-01-02T01:07:13.1Z', '2024-01-02T01:07:13.100Z'],
    ['2024-01-02T01:07:13,05Z', '2024-01-02T01:07:13.050Z'],
    ['2024-01-02T01:07:13.999999999Z', '2024-01-02T01:07:13.999Z'],
    ['2024-01-02T01:07:13.000999Z', '2024-01-02T01:07:13Z'],
    ['2024-01-02T01:07:13+00:00', '2024-01-02T01:07:13Z'],
    ['2024-01-02T01:07:13+05:30', '2024-01-01T19:37:13Z'],
    ['2023-12-31T20:00:00-0500', '2024-01-01T01:00:00Z'],
    ['2024-01-02T01:07:13.5-01', '2024-01-02T02:07:13.500Z'],
    ['2024-01-02 01:07:13', '2024-01-02T01:07:13Z'],
    ['2024-01-02 01:07:13 UTC', '2024-01-02T01:07:13Z'],
    ['2024-01-02T01:07', '2024-01-02T01:07:00Z'],
    ['2024-01-02T01:07Z', '2024-01-02T01:07:00Z'],
    ['2024-01-02', '2024-01-02T00:00:00Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
    ['2024-02-30T00:00:00Z', undefined],
    ['2023-02-29', undefined],
    ['2100-02-29T00:00:00Z', undefined],
    ['2024-04-31T00:00:00Z', undefined],
    ['2024-13-01T00:00:00Z', undefined],
    ['2024-00-01T00:00:00Z', undefined],
    ['2024-01-00T00:00:00Z', undefined],
    ['2024-01-01T24:00:00Z', undefined],
    ['2024-01-01T00:60:00Z', undefined],
    ['2024-01-01T00:00:61Z', undefined],
    ['2024-01-01T00:00:00+24:00', undefined],
    ['2024-01-01T00:00:00+01:60', undefined],
    ['2024-01-01T0a:00:00Z', undefined],
    ['2024-1-1', undefined],
    ['2024-01', undefined],
    ['2024', undefined],
    ['0001-01-01T00:00:00Z', undefined],
    ['1969-12-31T23:59:59Z', undefined],
    ['1970-01-01T00:00:00+05:00', undefined],
    ['9999-12-31T23:59:59-05:00', undefined],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z'],
    ['1704157633', undefined],
    [1704157633000, undefined],
    ['yesterday 1', undefined],
    ['', undefined],
    [null, undefined],
    [undefined, undefined],
    [{}, undefined],
  ]
  for (const [received, time] of table) t.equal(rfc3339(received), time, JSON.stringify(received))
})

t.test('a time that Date writes is read back as the same moment, and RFC 3339 as itself', async (t) => {
  const dates = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  const holds = fc.property(dates, (date) => {
    const time = rfc3339(date.toISOString())
    return time !== undefined && Date.parse(time) === date.getTime() && rfc3339(time) === time
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 20_000 }))
  const anything = fc.property(fc.anything(), (value) => {
    rfc3339(value)
  })
  t.doesNotThrow(() => fc.assert(anything, { numRuns: 2000 }))
})

t.test('times compare as moments, with and without milliseconds', async (t) => {
  const moments = fc.integer({ min: 0, max: 5000 }).map((ms) => ms + 1704157633000)
  const holds = fc.property(moments, moments, (a, b) => {
    const [x, y] = [a, b].map((ms) => rfc3339(new Date(ms).toISOString()) as string) as [string, string]
    return (
      Math.sign(compareTimes(x, y)) === Math.sign(a - b) &&
      Date.parse(earliest(x, y) as string) === Math.min(a, b) &&
      Date.parse(latest(x, y) as string) === Math.max(a, b)
    )
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 10_000 }))
  t.equal(earliest(undefined, '2024-01-02T01:07:13Z'), '2024-01-02T01:07:13Z')
  t.equal(latest('2024-01-02T01:07:13Z', undefined), '2024-01-02T01:07:13Z')
  t.equal(earliest(undefined, undefined), undefined)
})
