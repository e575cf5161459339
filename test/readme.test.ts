/** The README's requests, tried on the demo's own server and data. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
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

t.test('every request of the README runs, and its answer has the form that stands there', async (t) => {
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const { threatconnect, secureworks, darktrace, cofense } = simulators
  const { app, schedule } = await storedApp(t, {
    sources: [{ name: 'tc', kind: 'threatconnect', settings: threatconnect }],
    feeds: [{ name: 'block-ip', types: ['ipv4', 'ipv6', 'cidr'] }],
    exporters: [
      { kind: 'secureworks', settings: secureworks },
      { kind: 'darktrace', settings: darktrace, forward: { types: ['domain'], minScore: 3 } },
      { kind: 'cofense', settings: cofense },
    ],
  })
  await schedule.start()
  const first = await app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=60' })
  t.equal(first.statusCode, 200)
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
      t.equal(response.statusCode, 200, command)
      if (isJson) t.notSame(response.json(), {}, command)
      else t.ok(response.body.split('\n').length > 1, command)
    }
  }
})
