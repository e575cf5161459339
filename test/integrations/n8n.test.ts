/** The workflows for n8n, followed as n8n would: their expressions are run, their requests sent. n8n itself is not run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { sourceEntry, storedApp } from '../app.ts'

t.setTimeout(300_000)

interface Node {
  readonly name: string
  readonly type: string
  readonly parameters: {
    readonly method?: 'GET' | 'POST'
    readonly url?: string
    readonly jsonBody?: string
    readonly fieldToSplitOut?: string
    readonly assignments?: {
      readonly assignments: readonly {
        readonly name: string
        readonly type: string
        readonly value: string
      }[]
    }
    readonly headerParameters?: {
      readonly parameters: readonly { readonly name: string; readonly value: string }[]
    }
    readonly options?: {
      readonly pagination?: {
        readonly pagination: {
          readonly nextURL: string
          readonly completeExpression: string
          readonly limitPagesFetched: boolean
        }
      }
    }
  }
  readonly credentials?: Readonly<Record<string, { readonly name: string }>>
}

interface Workflow {
  readonly nodes: readonly Node[]
  readonly connections: Readonly<
    Record<string, { readonly main: readonly (readonly { readonly node: string }[])[] }>
  >
}

const folder = join(import.meta.dirname, '../../integrations/n8n')
const workflow = (file: string): Workflow => JSON.parse(readFileSync(join(folder, file), 'utf8'))

type Values = Readonly<Record<string, unknown>>

/** `=…{{ JavaScript }}…`; a text without the sign at its beginning is as it stands. */
function evaluated(text: string, names: Values): unknown {
  if (!text.startsWith('=')) return text
  const run = (code: string): unknown =>
    new Function(...Object.keys(names), `return (${code})`)(...Object.values(names))
  const whole = /^=\{\{((?:(?!\}\}).)*)\}\}$/s.exec(text)
  if (whole !== null) return run(whole[1] ?? '')
  return text.slice(1).replace(/\{\{(.*?)\}\}/g, (_, code: string) => String(run(code)))
}

/** In the order in which they are joined, from the trigger on. */
function chain({ nodes, connections }: Workflow): Node[] {
  const found: Node[] = []
  for (
    let name: string | undefined = 'Start';
    name !== undefined;
    name = connections[name]?.main[0]?.[0]?.node
  ) {
    const node = nodes.find((one) => one.name === name)
    if (node === undefined) throw new Error(`nothing is called ${name}`)
    found.push(node)
  }
  return found
}

t.test('the workflows read every page, push, and fail where the server does', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus: { size: 1300, seed: 5 } })
  const darktrace = await startDarktraceSimulator()
  t.teardown(() => Promise.all([simulator.close(), darktrace.close()]))
  const { app, schedule } = await storedApp(t, {
    server: { publicUrl: 'http://127.0.0.1:8080' },
    sources: [{ every: 'off', ...sourceEntry(simulator.url) }],
    exporters: [{ kind: 'darktrace', settings: { host: darktrace.url, ...darktrace.tokens } }],
  })
  await schedule.start()
  const run = await app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=60' })
  t.equal(run.json().status, 'succeeded')

  const send = async (
    method: 'GET' | 'POST',
    url: string,
    headers: Record<string, string>,
    payload?: string,
  ) => {
    const answer = await app.inject({
      ...{ method, url: url.replace('http://127.0.0.1:8080', ''), headers },
      ...(payload !== undefined && { payload }),
    })
    const isJson = String(answer.headers['content-type']).startsWith('application/json')
    return { statusCode: answer.statusCode, body: isJson ? answer.json() : answer.body }
  }

  /** What each node gives: n8n throws at an error status, but in a paged request only where it would go on. */
  const follow = async (file: string, settings: Values = {}) => {
    const outputs = new Map<string, Values[]>()
    let items: Values[] = [{}]
    for (const { name, parameters, credentials } of chain(workflow(file))) {
      const $json = items[0] ?? {}
      const given = {
        ...{ $json, $workflow: { id: 'w' }, $execution: { id: '7' }, $now: { toMillis: () => 1 } },
        $: (other: string) => ({ item: { json: outputs.get(other)?.[0] ?? {} } }),
      }
      if (parameters.assignments !== undefined) {
        const made = parameters.assignments.assignments.map(({ name: key, type, value }) => {
          const text = evaluated(value, given)
          return [key, type === 'array' && typeof text === 'string' ? JSON.parse(text) : text]
        })
        items = [{ ...Object.fromEntries(made), ...settings }]
      } else if (parameters.url !== undefined) {
        t.equal(credentials?.httpHeaderAuth?.name, 'indicator-feed-server', `${name} shows the key`)
        const { pagination } = parameters.options?.pagination ?? {}
        const headers = Object.fromEntries(
          (parameters.headerParameters?.parameters ?? []).map((one) => [
            one.name.toLowerCase(),
            String(evaluated(one.value, given)),
          ]),
        )
        const body =
          parameters.jsonBody === undefined ? undefined : String(evaluated(parameters.jsonBody, given))
        if (body !== undefined) headers['content-type'] = 'application/json'
        const pages: Values[] = []
        for (let url = String(evaluated(parameters.url, given)); ; ) {
          const $response = await send(parameters.method ?? 'GET', url, headers, body)
          const goesOn =
            pagination !== undefined && evaluated(pagination.completeExpression, { $response }) !== true
          if ($response.statusCode >= 300 && (pagination === undefined || goesOn)) {
            throw new Error(`${name}: ${JSON.stringify($response.body)}`)
          }
          pages.push($response.body)
          if (!goesOn || pagination === undefined) break
          t.equal(pagination.limitPagesFetched, false)
          url = String(evaluated(pagination.nextURL, { $response }))
        }
        items = pages
      } else if (parameters.fieldToSplitOut !== undefined) {
        items = items.flatMap((item) => item[parameters.fieldToSplitOut ?? ''] as Values[])
      }
      outputs.set(name, items)
    }
    return { items, outputs }
  }

  const expected = (await app.inject('/api/v1/indicators?limit=10000&raw=false')).json().data
  const all = await follow('fetch-indicators.json', { query: '' })
  t.ok((all.outputs.get('All pages') ?? []).length > 2, 'several pages')
  t.strictSame(all.items, expected)
  const some = await follow('fetch-indicators.json')
  t.ok(some.items.length > 0 && some.items.length < expected.length)
  t.ok(some.items.every(({ active, score }) => active === true && Number(score) >= 2))
  await t.rejects(follow('fetch-indicators.json', { query: 'min_score=9' }), /All pages: .*min_score/)

  const pushed = await follow('push-values.json')
  t.match(pushed.outputs.get('Push'), [
    { status: 'succeeded', counts: { total: 3, accepted: 2, skipped: 1 } },
  ])
  t.match(pushed.items, [
    { value: '203.0.113.7', status: 'accepted' },
    { value: 'evil.example', status: 'accepted' },
    { value: 'mail@evil.example', status: 'skipped', reason: /unsupported/ },
  ])
  await t.rejects(follow('push-values.json', { exporter: 'darktrac' }), /Push: .*no exporter/)
})
