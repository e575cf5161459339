/** The same for /taxii2, which is described by its standard: requests, and what TAXII 2.1 wants of the answers. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Received } from './judge.ts'

export interface TaxiiCase {
  readonly what: string
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** One of these. */
  readonly expect: readonly number[]
  /** What 200 answers. */
  readonly resource: keyof typeof resources
}

const text = { type: 'string', minLength: 1 }
const moment = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z$' }
const object = (
  required: Readonly<Record<string, object>>,
  optional: Readonly<Record<string, object>> = {},
) => ({
  ...{ type: 'object', required: Object.keys(required), additionalProperties: false },
  properties: { ...required, ...optional },
})
const list = (items: object) => ({ type: 'array', minItems: 1, items })

const collection = object(
  {
    ...{
      id: {
        type: 'string',
        pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
      },
    },
    ...{ title: text, can_read: { const: true }, can_write: { const: false } },
  },
  { description: text, alias: text, media_types: list({ const: 'application/stix+json;version=2.1' }) },
)

/** TAXII 2.1, sections 3.7, 4.1.1, 4.2.1, 5.1.1, 5.2.1, 5.3.1, 5.8.1 and 3.6.1. */
const resources = {
  discovery: object({ title: text }, { description: text, default: text, api_roots: list(text) }),
  root: object(
    { title: text, versions: list(text), max_content_length: { type: 'integer', minimum: 1 } },
    { description: text },
  ),
  collections: object({}, { collections: list(collection) }),
  collection,
  envelope: object(
    {},
    { more: { type: 'boolean' }, next: text, objects: list({ type: 'object', required: ['type', 'id'] }) },
  ),
  manifest: object(
    {},
    {
      more: { type: 'boolean' },
      next: text,
      objects: list(
        object(
          { id: text, date_added: moment, version: { type: 'string', format: 'date-time' } },
          { media_type: text },
        ),
      ),
    },
  ),
  versions: object(
    {},
    { more: { type: 'boolean' }, next: text, versions: list({ type: 'string', format: 'date-time' }) },
  ),
  error: object(
    { title: text },
    {
      ...{
        description: text,
        error_id: text,
        error_code: text,
        http_status: { type: 'string', pattern: '^\\d{3}$' },
      },
      ...{ external_details: text, details: { type: 'object' } },
    },
  ),
} as const

const taxiiType = 'application/taxii+json;version=2.1'

/** @param ids of a collection and of an object in it */
export function taxiiCases(ids: {
  readonly collection: string
  readonly object: string
}): readonly TaxiiCase[] {
  return ['feeds', 'feeds-tlp1'].flatMap((root) => {
    const base = `/taxii2/${root}/collections/${ids.collection}`
    const one = `${base}/objects/${ids.object}`
    const addresses: readonly (readonly [address: string, resource: keyof typeof resources])[] = [
      ...(root === 'feeds' ? ([['/taxii2/', 'discovery']] as const) : []),
      [`/taxii2/${root}/`, 'root'],
      [`/taxii2/${root}/collections/`, 'collections'],
      [`${base}/`, 'collection'],
      [`${base}/manifest/`, 'manifest'],
      [`${base}/objects/`, 'envelope'],
      [`${one}/`, 'envelope'],
      [`${one}/versions/`, 'versions'],
    ]
    return addresses.flatMap(([address, resource]) => casesAt(address, resource, ids))
  })
}

function casesAt(
  address: string,
  resource: keyof typeof resources,
  ids: { readonly collection: string; readonly object: string },
): TaxiiCase[] {
  const ask = (what: string, expect: readonly number[], more: Partial<TaxiiCase> = {}): TaxiiCase => ({
    ...{ what, method: 'GET', target: address, headers: { accept: taxiiType }, expect, resource },
    ...more,
  })
  const isPage = ['envelope', 'manifest', 'versions'].includes(resource)
  const short = address.replace(/\/$/, '')
  const swapped = (id: string, other: string) =>
    ask(`${other} in place of ${id}`, [400, 404, 414], {
      target: address.replace(id, other),
    })
  return [
    ask('as it should be', [200]),
    ask('without its last slash', [200], { target: short }),
    ask('an unknown parameter', [200], { target: `${address}?x=1` }),
    ask('without a key', [401], { headers: { accept: taxiiType, authorization: '' } }),
    ask('with a body', [400], { body: '{}' }),
    ...acceptable.map((accept) => ask(`Accept: ${accept}`, [200], { headers: { accept } })),
    ...unacceptable.map((accept) => ask(`Accept: ${accept}`, [406], { headers: { accept } })),
    ...['PUT', 'PATCH', 'OPTIONS', 'TRACE'].map((method) => ask(method, [405], { method })),
    ...['POST', 'DELETE'].map((method) =>
      ask(method, [403, 405], {
        method,
        headers: { accept: taxiiType, 'content-type': taxiiType },
        body: '{"objects":[]}',
      }),
    ),
    ask('HEAD', [200], { method: 'HEAD' }),
    ...(address.includes(ids.collection) ? oddIds.map((id) => swapped(ids.collection, id)) : []),
    ...(address.includes(ids.object) ? oddIds.map((id) => swapped(ids.object, id)) : []),
    ...(isPage
      ? parameters.flatMap(([texts, expect]) =>
          texts.map((query) => ask(query.slice(0, 60), expect, { target: `${address}?${query}` })),
        )
      : []),
  ]
}

const acceptable = [
  ...[
    'application/taxii+json',
    'application/taxii+json; version=2.1',
    'application/taxii+json;version="2.1"',
    '*/*',
  ],
  ...[
    'APPLICATION/TAXII+JSON;VERSION=2.1',
    'text/html, application/taxii+json;version=2.1',
    'application/json',
    '',
  ],
]
const unacceptable = [
  ...[
    'application/vnd.oasis.taxii+json; version=2.0',
    'text/html',
    'application/taxii+json;version=2.0',
    'nonsense',
  ],
  ...['application/taxii+json;version=2.1;q=0'],
]
const oddIds = [
  ...[
    '00000000-0000-4000-8000-000000000000',
    'indicator--00000000-0000-4000-8000-000000000000',
    'a',
    '%00',
    '%FF',
  ],
  ...['%', '%2e%2e', '__proto__', '%E2%80%AE', 'a%2Fb', 'x'.repeat(300), 'x'.repeat(5000), "'", '%5C', '*'],
]

/** With the statuses that each may have. */
const parameters: readonly (readonly [queries: readonly string[], expect: readonly number[]])[] = [
  [
    [
      ...[
        'limit=1',
        'limit=10000',
        'limit=99999',
        'added_after=2024-01-02T03:04:05.000001Z',
        'match[type]=indicator',
      ],
      ...[
        'added_after=9999-12-31T23:59:59Z',
        'match%5Btype%5D=indicator,identity',
        'match[version]=all',
        'limit[]=1',
      ],
      ...[
        'match[version]=first',
        'match[spec_version]=2.1',
        'match[spec_version]=2.0',
        '',
        '&&',
        'match[nonsense]=1',
      ],
      ...['match[type]=nonsense', 'match[type]=__proto__', '%00=1', '%FF=%FF', '%'],
    ],
    [200, 404],
  ],
  [
    [
      ...[
        'limit=0',
        'limit=-1',
        'limit=1e3',
        'limit=0x10',
        'limit=',
        'limit',
        'limit=NaN',
        'limit=1.5',
        'limit=%D9%A5',
      ],
      ...[
        'limit=1&limit=2',
        'added_after=yesterday',
        'added_after=',
        'added_after=2024-13-01T00:00:00Z',
        'next=nonsense',
      ],
      ...[
        'next=',
        'next=%00',
        'next=%FF',
        `next=${'a'.repeat(8000)}`,
        'match[type]=',
        'match[type]=a&match[type]=b',
      ],
      ...[
        'match[version]=yesterday',
        'match[version]=all,last',
        'match[id]=a,,b',
        `limit=${'9'.repeat(400)}`,
      ],
    ],
    [400],
  ],
  [
    [
      ...[
        'match[id]=nonsense',
        'match[id]=%00',
        'match[id]=%FF',
        'match[id]=%ED%A0%80',
        "match[id]='",
        'limit=%2B1',
      ],
      ...[
        `match[id]=${'a,'.repeat(3000)}a`,
        'match[type]=%00',
        'added_after=2024-01-02',
        'added_after=0000-01-01T00:00:00Z',
      ],
      ...[
        'added_after=-271821-04-20T00:00:00Z',
        'added_after=2016-12-31T23:59:60Z',
        'match[version]=0001-01-01T00:00:00Z',
      ],
    ],
    [200, 400, 404],
  ],
]

const ajv = addFormats.default(new Ajv2020({ strict: false }))

/** Why the answer is none of TAXII 2.1; empty: it is one. */
export function taxiiFaults(one: TaxiiCase, { status, headers, body }: Received): string[] {
  const faults: string[] = []
  const told = body.toString()
  if (!one.expect.includes(status))
    faults.push(`${status} instead of ${one.expect.join(' or ')}: ${told.slice(0, 300)}`)
  if (headers['content-type'] !== taxiiType) faults.push(`of the type ${headers['content-type']}`)
  if (headers['x-content-type-options'] !== 'nosniff') faults.push('no nosniff')
  if (headers['cache-control'] !== 'no-store') faults.push('may be kept')
  if (status === 401 && !headers['www-authenticate']?.startsWith('Basic '))
    faults.push('no challenge for Basic')
  if (status === 405 && !headers.allow) faults.push('405 without Allow')
  if (one.method === 'HEAD') return body.length === 0 ? faults : [...faults, 'HEAD with a body']
  const value = parsed(told)
  const schema = resources[status === 200 ? one.resource : 'error']
  if (!ajv.validate(schema, value)) faults.push(`${ajv.errorsText()}: ${told.slice(0, 200)}`)
  if (status === 200) faults.push(...pageFaults(one, value as Page, headers))
  else if ((value as { http_status?: string } | undefined)?.http_status !== String(status)) {
    faults.push('another http_status than that of the answer')
  }
  return faults
}

interface Page {
  readonly more?: boolean
  readonly next?: string
  readonly objects?: readonly unknown[]
  readonly versions?: readonly unknown[]
}

/** Sections 3.5 and 5: `next` where there is more, and the times of what a page holds. */
function pageFaults({ resource }: TaxiiCase, page: Page, headers: Received['headers']): string[] {
  if (!['envelope', 'manifest', 'versions'].includes(resource)) return []
  const faults = page.more === true && page.next === undefined ? ['more without next'] : []
  if (page.objects === undefined && page.versions === undefined) return faults
  const isTimed = ['x-taxii-date-added-first', 'x-taxii-date-added-last'].every((name) =>
    new RegExp(moment.pattern).test(headers[name] ?? ''),
  )
  return isTimed ? faults : [...faults, 'without X-TAXII-Date-Added-First and -Last']
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
