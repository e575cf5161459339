/** Every example of the API's description, sent as Swagger UI sends it when nobody changes a thing, on the demo's data. */
import t from 'tap'
import { buildOpenApi } from '../../src/http/openapi.ts'
import { startSimulators } from '../../src/simulation/demo.ts'
import { storedApp } from '../app.ts'

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
  const headers: Record<string, string> = {}
  let url = path
  for (const parameter of parameters) {
    const { name = '' } = parameter
    if (parameter.in === 'path') url = url.replace(`{${name}}`, encodeURIComponent(given(parameter)))
    else if (given(parameter) === '') continue
    else if (parameter.in === 'header') headers[name] = given(parameter)
    else query.set(name, given(parameter))
  }
  const body = requestBody?.content['application/json']
  const payload = body?.example ?? body?.schema?.examples?.[0]
  return {
    method: method.toUpperCase() as 'GET' | 'POST',
    url: query.size === 0 ? url : `${url}?${query}`,
    headers,
    ...(payload !== undefined && { payload: payload as object }),
  }
}

/** Or half a minute: then what follows fails. */
async function until(is: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 600 && !(await is()); looks++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

t.test('every example of the API runs as it is', async (t) => {
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
  // What is tried again is refused again.
  const isDead = async () => (await app.inject('/api/v1/effects?state=dead')).json().data.length === 1
  // This server was not started from a file; docs/operations.md has the request on one that was.
  const isElsewhere = (path: string) => path === '/api/v1/config/reload'
  const paths = buildOpenApi(app).v31.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>
  const requests = Object.entries(paths).flatMap(([path, operations]) =>
    isElsewhere(path)
      ? []
      : Object.entries(operations).map(([method, operation]) => exampleRequest(path, method, operation)),
  )
  t.ok(requests.length >= 60, `${requests.length} examples`)
  for (const request of requests) {
    if (request.url.startsWith('/api/v1/effects/latest/')) await until(isDead)
    const { statusCode, body } = await app.inject(request)
    t.ok(statusCode === 200 || statusCode === 202, `${request.method} ${request.url}: ${body.slice(0, 300)}`)
  }
})
