/** The README's requests, and the examples of what the demo's bridge does, tried on the demo's own server and data. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildOpenApi } from '../src/http/openapi.ts'
import { startSimulators } from '../src/simulation/demo.ts'
import { storedApp } from './app.ts'

interface Example {
  readonly command: string
  /** The block after it, where there is one. */
  readonly answer: { readonly language: string; readonly text: string } | undefined
}

function examples(): Example[] {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
  return blocks.flatMap(([, language, text = ''], at) => {
    if (language !== 'sh') return []
    const [, next = '', body = ''] = blocks[at + 1] ?? []
    const answer = next === 'sh' || next === '' ? undefined : { language: next, text: body }
    const commands = text.split('\n').filter((line) => line.startsWith('curl '))
    return commands.map((command) => ({ command, answer: commands.length === 1 ? answer : undefined }))
  })
}

function request(command: string) {
  const option = (pattern: RegExp) => pattern.exec(command)?.[1]
  const url = option(/'(http:\/\/127\.0\.0\.1:8080[^']*)'/) ?? ''
  const header = option(/-H '([^']+)'/)?.split(': ') ?? []
  const payload = option(/-d '([^']+)'/)
  return {
    method: option(/-X (\w+)/) === 'POST' || payload !== undefined ? ('POST' as const) : ('GET' as const),
    url: url.replace('http://127.0.0.1:8080', ''),
    headers: header.length === 2 ? { [String(header[0])]: header[1] } : {},
    ...(payload !== undefined && { payload }),
  }
}

/** The members of a value at every depth, lists by their first element: answers differ in values, not in form. */
function form(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(form)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, form(member)]))
}

interface Example31 {
  readonly name?: string
  readonly in?: string
  readonly example?: unknown
  readonly schema?: { readonly examples?: readonly unknown[] }
}

interface Operation {
  readonly tags: readonly string[]
  readonly parameters?: readonly Example31[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Example31>> }
}

/** As Swagger UI sends it when nobody changes a thing. */
function exampleRequest(path: string, method: string, { parameters = [], requestBody }: Operation) {
  const given = ({ example, schema }: Example31) => String(example ?? schema?.examples?.[0] ?? '')
  const query = new URLSearchParams()
  let url = path
  for (const parameter of parameters) {
    const { name = '' } = parameter
    if (parameter.in === 'path') url = url.replace(`{${name}}`, encodeURIComponent(given(parameter)))
    else if (given(parameter) !== '') query.set(name, given(parameter))
  }
  const body = requestBody?.content['application/json']
  const payload = body?.example ?? body?.schema?.examples?.[0]
  return {
    method: method.toUpperCase() as 'GET' | 'POST',
    url: query.size === 0 ? url : `${url}?${query}`,
    ...(payload !== undefined && { payload: payload as object }),
  }
}

/** Or half a minute: then what follows fails. */
async function until(is: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 600 && !(await is()); looks++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

t.test('every request of the README runs, and its answer has the form that stands there', async (t) => {
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const { threatconnect, secureworks, darktrace, cofense, ctp, soar } = simulators
  const { app, schedule } = await storedApp(t, {
    sources: [{ name: 'tc', kind: 'threatconnect', settings: threatconnect }],
    feeds: [{ name: 'block-ip', types: ['ipv4', 'ipv6', 'cidr'] }],
    exporters: [
      { kind: 'secureworks', settings: secureworks },
      { kind: 'darktrace', settings: darktrace, forward: { types: ['domain'], minScore: 3 } },
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
  const first = await app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=60' })
  t.equal(first.statusCode, 200)
  // The first poll is that of the start.
  const polled = async () => {
    const poll = (await app.inject('/api/v1/polls/latest')).json()
    return poll.status === 'succeeded' && poll.effects.dead === 1 && poll.effects.pending === 0
  }
  await until(polled)
  const all = examples()
  t.ok(all.length >= 24, `${all.length} requests`)
  for (const { command, answer } of all) {
    const response = await app.inject(request(command))
    const isJson = /^application\/(?:\S+\+)?json\b/.test(String(response.headers['content-type']))
    if (answer?.language === 'markdown') {
      const head = (text: string) => text.split('\n').slice(0, 3)
      t.strictSame(head(response.body), head(answer.text), command)
    } else if (answer !== undefined) {
      const expected = JSON.parse(answer.text)
      t.equal(response.statusCode, typeof expected.status === 'number' ? expected.status : 200, command)
      t.strictSame(form(response.json()), form(expected), command)
    } else {
      t.equal(response.statusCode, command.includes('/hook') ? 202 : 200, command)
      if (isJson) t.notSame(response.json(), {}, command)
      else t.ok(response.body.split('\n').length > 1, command)
    }
  }
  // What is tried again is refused again.
  const isDead = async () => (await app.inject('/api/v1/effects?state=dead')).json().data.length === 1
  const paths = buildOpenApi(app).v31.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>
  const requests = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { tags }]) => tags.includes('Tickets'))
      .map(([method, operation]) => exampleRequest(path, method, operation)),
  )
  t.ok(requests.length >= 17, `${requests.length} examples`)
  for (const request of requests) {
    if (request.url.startsWith('/api/v1/effects/latest/')) await until(isDead)
    const { statusCode, body } = await app.inject(request)
    t.ok(statusCode === 200 || statusCode === 202, `${request.method} ${request.url}: ${body.slice(0, 300)}`)
  }
})
