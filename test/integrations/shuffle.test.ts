/**
 * What Shuffle makes of the description of the API: its loader's rules, and each request as the Python that it generates
 * would send it, built from the document alone. Shuffle itself is not run.
 */
import { createHash } from 'node:crypto'
import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { App } from '../../src/http/app.ts'
import { startSimulators } from '../../src/simulation/demo.ts'
import { storedApp } from '../app.ts'

t.setTimeout(300_000)

const key = 'shuffle-key-0123456789-0123456789-0123456789'
const base = 'https://feeds.example.org'

interface Parameter {
  readonly name: string
  readonly in: 'query' | 'path' | 'header'
  readonly example?: unknown
  readonly schema?: object
}

interface Operation {
  readonly summary?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> }
  readonly security?: readonly object[]
}

interface Document {
  readonly info: { readonly title: string }
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, { readonly description?: string }>>
  }
}

function operationsOf({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )
}

/** Python's `requests.utils.quote`. */
function quote(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** What its user finds typed in already: the example, lists as one text. */
function typed({ example }: Parameter): string {
  return Array.isArray(example) ? example.join(',') : String(example ?? '')
}

/** Path parameters go in as they are; headers are lines of a text box; blanks of the body are run together. */
function generated(
  path: string,
  method: string,
  { parameters = [], requestBody }: Operation,
  apikey: string,
) {
  const headers: Record<string, string> = {}
  if (apikey !== ' ' && !apikey.startsWith('Bearer')) headers.authorization = `Bearer ${apikey}`
  const box = parameters.filter((one) => one.in === 'header').map((one) => `${one.name}: ${typed(one)}`)
  if (requestBody !== undefined)
    box.push(...Object.keys(requestBody.content).map((type) => `Content-Type=${type}`))
  for (const line of box) {
    const at = line.includes(':') ? ':' : '='
    const [name = '', ...rest] = line.split(at)
    headers[name.trim().toLowerCase()] = rest.join(at).trim()
  }
  let url = path
  for (const one of parameters) if (one.in === 'path') url = url.replace(`{${one.name}}`, typed(one))
  const query = parameters
    .filter((one) => one.in === 'query' && typed(one) !== '')
    .map((one) => `${quote(one.name)}=${quote(typed(one))}`)
  const example = requestBody?.content['application/json']?.example
  const body =
    example === undefined ? undefined : JSON.stringify(example, null, 4).trim().split(/\s+/).join(' ')
  return {
    method: method.toUpperCase() as 'GET' | 'POST',
    url: query.length === 0 ? url : `${url}?${query.join('&')}`,
    headers,
    ...(body !== undefined && { payload: body }),
  }
}

async function world(t: Test): Promise<App> {
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const { threatconnect, secureworks, darktrace, cofense, ctp, soar } = simulators
  const secretHash = `sha256:${createHash('sha256').update(key).digest('hex')}`
  const { app, schedule } = await storedApp(t, {
    server: { publicUrl: base },
    auth: { keys: [{ id: 'shuffle', secretHash, scopes: ['admin'] }] },
    sources: [{ name: 'tc', kind: 'threatconnect', settings: threatconnect }],
    feeds: [{ name: 'block-ip', types: ['ipv4', 'ipv6', 'cidr'] }],
    exporters: [
      { kind: 'secureworks', settings: secureworks },
      { kind: 'darktrace', settings: darktrace },
      { kind: 'cofense', settings: cofense },
    ],
    bridges: [
      {
        name: 'ctp',
        ticketDesk: { kind: 'secureworks-ctp', settings: ctp },
        incidentSink: { kind: 'ibm-soar', settings: soar },
      },
    ],
  })
  await schedule.start()
  const headers = { authorization: `Bearer ${key}` }
  const fetched = await app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=60', headers })
  t.equal(fetched.json().status, 'succeeded')
  await isDead(app, headers)
  return app
}

/** The file that the desk lists and does not have: what the examples of effects are about. */
async function isDead(app: App, headers: Record<string, string>): Promise<void> {
  for (let looks = 0; looks < 600; looks++) {
    const poll = (await app.inject({ url: '/api/v1/polls/latest', headers })).json()
    if (poll.status === 'succeeded' && poll.effects.pending === 0) {
      const dead = (await app.inject({ url: '/api/v1/effects?state=dead', headers })).json()
      if (dead.data.length === 1) return
    }
    await after(50)
  }
}

t.test(
  'the document has nothing that the loader can not take, and every action works as generated',
  async (t) => {
    const app = await world(t)
    const answer = await app.inject('/openapi-3.0.json')
    const document: Document = answer.json()
    const operations = operationsOf(document)

    await t.test('its loader', async (t) => {
      t.ok(document.info.title !== '' && operations.length > 50)
      t.match(document.servers, [{ url: base }], 'the address is set already')
      t.strictSame(Object.keys(document.components.securitySchemes).sort(), ['ApiKeyAuth', 'BearerAuth'])
      t.equal(
        document.components.securitySchemes.ApiKeyAuth?.description,
        undefined,
        'it would be put before the key',
      )
      const faults: string[] = []
      const look = (value: unknown, at: string) => {
        if (typeof value !== 'object' || value === null) return
        for (const [name, member] of Object.entries(value)) {
          const here = `${at}/${name}`
          if (name === 'example' || name === 'examples' || name === 'default') continue
          if (name === 'type' && Array.isArray(member)) faults.push(`${here}: a list of types`)
          if (/^exclusiveM/.test(name) && typeof member === 'number') faults.push(`${here}: a number`)
          if (['schema', 'items', 'not'].includes(name) && typeof member === 'boolean')
            faults.push(`${here}: a boolean`)
          if (at.endsWith('/properties') && typeof member === 'boolean') faults.push(`${here}: a boolean`)
          look(member, here)
        }
      }
      look(document, '')
      t.strictSame(faults, [])
      const summaries = operations.map(({ operation }) => operation.summary ?? '')
      t.equal(
        new Set(summaries.map((one) => one.toLowerCase())).size,
        operations.length,
        'actions have names of their own',
      )
      t.strictSame(
        summaries.filter((one) => !/^[A-Z][\x20-\x7e]{3,}$/.test(one)),
        [],
      )
      const beside = Object.entries(document.paths).filter(
        ([, item]) => 'parameters' in item || '$ref' in item,
      )
      t.strictSame(beside, [], 'parameters stand at the operations')
      const bare = operations.flatMap(({ path, operation }) =>
        (operation.parameters ?? [])
          .filter((one) => one.schema === undefined || one.example === undefined)
          .map((one) => `${path} ${one.name}`),
      )
      t.strictSame(bare, [], 'each has a schema and an example')
      const textless = operations.filter(
        ({ operation: { requestBody } }) =>
          requestBody !== undefined && requestBody.content['application/json']?.example === undefined,
      )
      t.strictSame(
        textless.map(({ path }) => path),
        [],
      )
    })

    await t.test('each action', async (t) => {
      const headers = { authorization: `Bearer ${key}` }
      for (const { path, method, operation } of operations) {
        if (path.startsWith('/api/v1/effects/latest') || path.includes('/effects/{id}/'))
          await isDead(app, headers)
        const request = generated(path, method, operation, key)
        const { statusCode, body } = await app.inject(request)
        // Of all actions the one that needs a file: the server of this test was started from none.
        if (path === '/api/v1/config/reload' && body.includes('not started from a configuration')) continue
        t.ok(
          statusCode >= 200 && statusCode < 300,
          `${method} ${request.url}: ${statusCode} ${statusCode < 300 ? '' : body.slice(0, 300)}`,
        )
      }
      const open = operations.filter(({ operation }) => operation.security?.length === 0)
      const closed = operations.find(({ path }) => path === '/api/v1/indicators')
      t.ok(open.length > 0 && closed !== undefined)
      const { url } = generated('/api/v1/indicators', 'get', closed?.operation ?? {}, key)
      t.equal((await app.inject({ url })).statusCode, 401, 'the key is what opens it')
    })
  },
)
