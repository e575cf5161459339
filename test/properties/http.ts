/** Small parsers of headers, and every error as it goes out. */
import type { FastifyRequest } from 'fastify'
import { type ErrorCode, errorTable, ServiceError, UpstreamError, upstreamCode } from '../../src/errors.ts'
import { wantsMarkdown, wantsOpenMetrics } from '../../src/http/media-types.ts'
import { isFresh } from '../../src/http/prebuilt.ts'
import { answerOf, writtenProblem } from '../../src/http/problem.ts'
import { chooseEncoding } from '../../src/http/routes/feeds-encoding.ts'
import { isAcceptable } from '../../src/taxii/media-types.ts'
import { retryAfterMs } from '../../src/upstream/retry-after.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { hostile, type Random } from './random.ts'

const day = 24 * 3600 * 1000

const retryAfter = property({
  name: 'Retry-After',
  guarantee:
    'seconds and the three forms of dates are waited for, at most a day; anything else is no delay, never NaN',
  short: 5000,
  make: (random) => ({
    seconds: random.below(200_000),
    date: random.below(2 ** 31),
    text: random.text(
      [...hostile, '12', 'Mon, ', '01 Jan 2024', ' GMT', '00:00:01', '-1', '1e9', '1.5', 'Infinity', '0x10'],
      5,
    ),
  }),
  check({ seconds, date, text }: { seconds: number; date: number; text: string }) {
    const wait = (header: string | string[], at = 0) =>
      retryAfterMs({
        headers: { 'retry-after': header, date: new Date(date * 1000).toUTCString() },
        receivedAt: at,
      })
    expectSame('seconds', wait(String(seconds)), Math.min(seconds * 1000, day))
    expectSame('of several the first', wait([String(seconds), '9']), Math.min(seconds * 1000, day))
    const until = new Date((date + seconds) * 1000)
    const [week = '', number = '', month = '', year = '', time = ''] = until
      .toUTCString()
      .replace(',', '')
      .split(' ')
    const long = {
      Sun: 'Sunday',
      Mon: 'Monday',
      Tue: 'Tuesday',
      Wed: 'Wednesday',
      Thu: 'Thursday',
      Fri: 'Friday',
      Sat: 'Saturday',
    }[week]
    for (const form of [
      until.toUTCString(),
      `${week} ${month} ${number.replace(/^0/, ' ')} ${time} ${year}`,
    ]) {
      expectSame(form, wait(form), Math.min(seconds * 1000, day))
    }
    // RFC 850 has two digits for the year: those of this century's first half are read so by everyone.
    if (Number(year) >= 2000 && Number(year) < 2050)
      expectSame(
        'RFC 850',
        wait(`${long}, ${number}-${month}-${year.slice(2)} ${time} GMT`),
        Math.min(seconds * 1000, day),
      )
    const odd = wait(text)
    expect(
      odd === undefined || (odd >= 0 && odd <= day && Number.isInteger(odd)),
      () => `${text} is ${odd} ms`,
    )
  },
})

const etags = property({
  name: 'If-None-Match',
  guarantee:
    'a list of tags names ours exactly where one of it is ours, weak or strong; no part of a tag does',
  short: 10_000,
  make: (random) => ({
    own: random.digits(8, 'abcXYZ-_'),
    others: random.list(4, () => random.digits(8, 'abcXYZ-_')),
    at: random.below(6),
    weak: random.oneIn(2),
    gap: random.pick(['', ' ', '\t']),
  }),
  check({
    own,
    others,
    at,
    weak,
    gap,
  }: {
    own: string
    others: readonly string[]
    at: number
    weak: boolean
    gap: string
  }) {
    const tags = others.map((tag) => `"${tag}"`)
    const header = (list: readonly string[]) => list.join(`,${gap}`)
    expectSame('without it', isFresh(header(tags), `"${own}"`), others.includes(own))
    const place = Math.min(at, tags.length)
    const withIt = tags.toSpliced(place, 0, `${weak ? 'W/' : ''}"${own}"`)
    expectSame('with it', isFresh(header(withIt), `"${own}"`), true)
    expectSame('part of it', isFresh(`"${own}x"`, `"${own}"`), false)
    expectSame('any', isFresh(` *${gap}`, `"${own}"`), true)
    expectSame('none', isFresh(undefined, `"${own}"`), false)
  },
})

const ranges = [
  'text/markdown',
  'application/json',
  '*/*',
  'text/*',
  'application/*',
  'text/plain',
  'application/openmetrics-text',
  'application/taxii+json',
  'application/stix+json',
  'image/png',
  '',
]
const parameters = [
  '',
  ';q=0',
  ';q=0.5',
  ';q=1',
  ';q=0.001',
  '; q=0.9',
  ';version=2.1',
  ';version=2.0',
  ';version="2.1"',
  ';Q=0.3',
  ';q=x',
  ';q=-1',
  ';q=1e9',
  ';charset=utf-8',
]

const accept = property({
  name: 'Accept',
  guarantee:
    'any Accept and Accept-Encoding is answered with one of ours; what has q=0 is not chosen while others are',
  short: 5000,
  make: (random) => ({
    types: random.list(4, () => `${random.pick(ranges)}${random.pick(parameters)}`),
    codings: random.list(
      4,
      () =>
        `${random.pick(['gzip', 'br', 'identity', '*', 'zstd', 'x-gzip', 'GZIP', ''])}${random.pick(parameters)}`,
    ),
    odd: random.text(hostile, 5),
    sizes: [random.below(1000), random.below(1000), random.below(1000)],
  }),
  check({
    types,
    codings,
    odd,
    sizes: [identity = 0, gzip = 0, br = 0],
  }: {
    types: readonly string[]
    codings: readonly string[]
    odd: string
    sizes: readonly number[]
  }) {
    const header = types.join(', ')
    for (const text of [header, odd, `${header},${odd}`]) {
      for (const read of [wantsOpenMetrics(text), isAcceptable(text)])
        expectSame(text, typeof read, 'boolean')
    }
    expectSame(
      'the argument wins',
      [wantsMarkdown('json', header), wantsMarkdown('markdown', header)],
      [false, true],
    )
    if (!/markdown/.test(header)) expectSame('nobody asked', wantsMarkdown(undefined, header), false)
    if (/^text\/markdown(?:;q=1|;charset=utf-8)?$/.test(header))
      expectSame('asked', wantsMarkdown(undefined, header), true)
    const sizes = { identity, gzip, br }
    const chosen = chooseEncoding(codings.join(','), sizes)
    const named = codings.map((coding) =>
      coding
        .toLowerCase()
        .replace('x-gzip', 'gzip')
        .split(';')
        .map((part) => part.trim()),
    )
    const takes = named.some(([coding]) => coding === chosen || coding === '*')
    expect(chosen === 'identity' || takes, () => `${chosen} for ${codings}`)
    const refused = named
      .filter(([coding]) => coding === chosen)
      .at(-1)
      ?.includes('q=0')
    expect(chosen === 'identity' || refused !== true, () => `${chosen} for ${codings}`)
    expectSame('odd', ['identity', 'gzip', 'br'].includes(chooseEncoding(odd, sizes)), true)
    expectSame('none', chooseEncoding(undefined, sizes), 'identity')
  },
})

const codes = Object.keys(errorTable) as ErrorCode[]
const kinds = Object.keys(upstreamCode) as (keyof typeof upstreamCode)[]

/** What of a request an error is told by. */
function requestOf(url: string): FastifyRequest {
  return { url, id: 'req-1', raw: {}, routeOptions: {} } as unknown as FastifyRequest
}

const problem = property({
  name: 'errors',
  guarantee:
    'every error is valid JSON with the members of the contract and its status, and of an unknown one nothing is told',
  short: 2500,
  make: (random: Random) => ({
    code: random.pick(codes),
    kind: random.pick(kinds),
    words: random.text(hostile, 8),
    path: random.text(['/', 'a', '%', '%41', '?', '#', 'é', '"', 'taxii2/', 'api/v1/', '..'], 6),
    wait: random.below(3) * 1500,
  }),
  check({
    code,
    kind,
    words,
    path,
    wait,
  }: {
    code: ErrorCode
    kind: keyof typeof upstreamCode
    words: string
    path: string
    wait: number
  }) {
    if (errorTable[code] === undefined || upstreamCode[kind] === undefined) return
    const request = requestOf(`/${path}`)
    const errors = [{ pointer: `/${words}`, detail: words }]
    const given = [
      new ServiceError(code, words, { errors }),
      new UpstreamError(kind, words, {
        service: 'threatconnect',
        status: 418,
        code: words,
        retryAfterMs: wait,
      }),
      new Error(words),
      words,
    ]
    for (const [index, error] of given.entries()) {
      const { problem: told, headers } = answerOf(error, request)
      const { body, mediaType } = writtenProblem(told)
      expect(![...body].some((sign) => sign < ' '), () => `a control character in ${body}`)
      const read = JSON.parse(body)
      if (mediaType !== 'application/problem+json') {
        expectSame('TAXII', [typeof read.title, read.http_status], ['string', String(told.status)])
        continue
      }
      const wanted = index === 0 ? code : index === 1 ? upstreamCode[kind] : 'INTERNAL'
      expectSame(
        'code',
        [read.code, read.status, read.title],
        [wanted, errorTable[wanted].status, errorTable[wanted].title],
      )
      expectSame('requestId', read.requestId, 'req-1')
      expect(!String(read.instance).includes('?'), () => read.instance)
      if (index < 2) expectSame('detail', read.detail, words.toWellFormed())
      else expect(words.length < 4 || !body.includes(JSON.stringify(words).slice(1, -1)), () => body)
      if (read.status === 503) expect(Number(headers['retry-after']) >= 1, () => JSON.stringify(headers))
    }
  },
})

export const http: Subject = { name: 'http', properties: [retryAfter, etags, accept, problem] }
