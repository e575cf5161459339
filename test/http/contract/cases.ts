/** Requests for an operation, made from its description: right ones, wrong ones, and those that nobody would think of. */
import { headerCases, pathCases, queryCases, surplusCases } from './address-cases.ts'
import { bodyCases } from './body-cases.ts'
import { type Case, type Known, maker } from './case.ts'
import type { Description, Operation, Parameter } from './document.ts'

/** Every request for the operation; the first one is right in every part. */
export function casesOf(
  operation: Operation,
  { resolve }: Pick<Description, 'resolve'>,
  known: Known,
): readonly Case[] {
  const make = maker(operation, known)
  const [query, header] = (['query', 'header'] as const).map((place) =>
    operation.parameters.filter((parameter) => parameter.in === place),
  ) as [Parameter[], Parameter[]]
  return [
    make({ what: 'as it should be', expect: known.outcome(operation) }),
    make({
      what: 'without a key',
      headers: { authorization: '' },
      ...(!operation.open && { expect: [401] }),
    }),
    make({ what: 'with a wrong key', headers: { authorization: 'Bearer no-key-of-ours-1' } }),
    ...pathCases(operation, known, make),
    ...query.flatMap((parameter) => queryCases(parameter, resolve, make)),
    ...surplusCases(operation, make),
    ...header.flatMap((parameter) => headerCases(parameter, resolve, make)),
    ...bodyCases(operation, resolve, make),
    ...negotiations.map((headers) => make({ what: JSON.stringify(headers), headers, expect: 'understood' })),
    ...oddHeaders.map((headers) => make({ what: JSON.stringify(headers).slice(0, 80), headers })),
  ]
}

/** Several changes of one part each, by chance, in one request. @param cases those of `casesOf` */
export function mixedCases(cases: readonly Case[], random: () => number, many: number): readonly Case[] {
  const [right] = cases
  if (right === undefined) return []
  const pathOf = ({ target }: Case) => target.split('?')[0]
  const isMild = ({ expect, headers, target, what }: Case) =>
    (expect === undefined || expect === 'understood' || String(expect) === '400') &&
    Object.keys(headers).every((name) => name === 'content-type') &&
    (what.startsWith('body: ') || target.includes('?')) &&
    !/ (without a value|longer than any|a text of 9000)/.test(what)
  const pool = cases.filter((one) => isMild(one) && pathOf(one) === pathOf(right))
  // Of nothing but a body there is nothing to mix.
  if (pool.every(({ target }) => target === right.target)) return []
  const any = () => pool[Math.floor(random() * pool.length)] ?? right
  return Array.from({ length: many }, () => {
    const drawn = Array.from({ length: 2 + Math.floor(random() * 3) }, any)
    const isBody = ({ what }: Case) => what.startsWith('body: ')
    const [withBody] = drawn.filter(isBody)
    const parts = drawn.filter((one) => one === withBody || !isBody(one))
    const texts = parts.flatMap(({ target }) => target.split('?').slice(1))
    const given = texts.map((text) => text.split(/[=&]/)[0])
    const isTwice = new Set(given).size < given.length
    const expects = parts.map(({ expect }) => expect)
    const expect = expects.some((one) => Array.isArray(one))
      ? [400]
      : expects.includes(undefined) || isTwice
        ? undefined
        : 'understood'
    const { headers, body } = withBody ?? right
    const { expect: _, body: __, ...plain } = right
    return {
      ...{ ...plain, headers, what: parts.map(({ what }) => what).join('; ') },
      target: texts.length === 0 ? right.target : `${pathOf(right)}?${texts.join('&')}`,
      ...(body !== undefined && { body }),
      ...(expect !== undefined && { expect: expect as Exclude<Case['expect'], undefined> }),
    }
  })
}

const orderOfAllow = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Every method but those that the address takes, HEAD where it takes GET, and addresses that look like it. */
export function besideCases(operations: readonly Operation[], known: Known): readonly Case[] {
  const [first] = operations
  if (first === undefined) return []
  const take = operations.map(({ method }) => method)
  const taken = take.includes('GET') ? [...take, 'HEAD'] : take
  const allow = taken.sort((a, b) => orderOfAllow.indexOf(a) - orderOfAllow.indexOf(b)).join(', ')
  const { target } = maker(first, known)({ what: '' })
  const all = [...orderOfAllow, 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY', 'M-SEARCH']
  const get = operations.find(({ method }) => method === 'GET')
  const heads = get === undefined ? [] : casesOf(get, { resolve: (schema) => schema }, known).slice(0, 1)
  const plain = { operation: first, headers: {} }
  return [
    ...all
      .filter((method) => !taken.includes(method))
      .map((method) => ({ ...plain, what: `the method ${method}`, method, target, expect: [405], allow })),
    ...heads.map((one) => ({ ...one, what: 'HEAD', method: 'HEAD' })),
    ...alike(target).map((one) => ({
      ...{ ...plain, what: 'an address like it', method: first.method, target: one, beside: true as const },
    })),
  ]
}

function alike(target: string): readonly string[] {
  const [, root = '', rest = ''] = /^\/([^/?]*)(.*)$/.exec(target) ?? []
  const [path = '', query] = target.split('?')
  const search = query === undefined ? '' : `?${query}`
  return [
    ...[`${path}/${search}`, `/${target}`, `/${root.toUpperCase()}${rest}`, `/./${root}${rest}`],
    ...[`/x/../${root}${rest}`, `/%${root.charCodeAt(0).toString(16)}${root.slice(1)}${rest}`],
    ...[
      `${path};x=1${search}`,
      `${path}%2f${search}`,
      `${path}%00${search}`,
      `${target}#x`,
      `${path}?&&${query ?? ''}`,
    ],
  ]
}

const negotiations: readonly Readonly<Record<string, string>>[] = [
  ...[
    '*/*',
    'text/html',
    'text/markdown',
    'application/xml',
    'nonsense',
    '',
    ',;q=',
    'text/markdown;q=0.5,application/json',
  ].map((accept) => ({ accept })),
  ...['gzip', 'br', 'zstd', 'identity;q=0', '*;q=0', 'gzip;q=0, *', 'nonsense', 'gzip;q=x', ''].map(
    (encoding) => ({
      'accept-encoding': encoding,
    }),
  ),
  { 'accept-language': 'xx', 'accept-charset': 'latin1' },
  { 'if-none-match': '*' },
  { 'if-none-match': '"nonsense", W/"x"' },
  { 'if-modified-since': 'yesterday' },
  { 'if-modified-since': 'Fri, 31 Dec 9999 23:59:59 GMT' },
  { range: 'bytes=0-3' },
]

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  { 'x-request-id': 'a'.repeat(500) },
  { 'x-request-id': '<script>' },
  {
    'x-forwarded-for': 'nonsense, ::1',
    'x-forwarded-proto': 'javascript',
    'x-forwarded-host': 'evil.example',
  },
  { 'x-http-method-override': 'DELETE' },
  { traceparent: 'nonsense', tracestate: ',,,' },
  { cookie: 'a=b; __proto__=c' },
  { host: 'evil.example' },
  { origin: 'https://evil.example' },
  { 'idempotency-key': 'a'.repeat(300) },
  { 'x-padding': 'a'.repeat(8000) },
]
