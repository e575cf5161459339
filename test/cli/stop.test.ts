/** How a server stops: what it still takes, what it says, and what a client that hears nothing can rely on. */
import { writeFileSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { graceMs, stopTimes } from '../../src/cli/stop.ts'
import { engineProcesses, until as eventually, storeFolder } from '../store/embedded/servers.ts'
import { commandLine, type Running } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function ask(url: string, agent: Agent | undefined, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const method = body === undefined ? 'GET' : 'POST'
    const sent = request(url, { agent: agent ?? false, method, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      )
      answer.once('error', reject)
    })
    sent.once('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

interface Served {
  readonly store: string
  start(): Promise<Running & { readonly url: string }>
}

/** A server with an exporter that reaches nobody. */
async function serverWith(t: Test, drain: string): Promise<Served> {
  const store = await storeFolder(t)
  const file = join(cli.folder, `stop-${drain}.yaml`)
  const settings = { host: 'http://127.0.0.1:9', publicToken: 'public-token', privateToken: 'private-token' }
  const config = {
    server: { port: 0, drain, doctorAtStart: false, requestsPerMinute: 0 },
    store: { url: `file:${store}` },
    exporters: [{ kind: 'darktrace', proxy: 'none', settings }],
  }
  writeFileSync(file, stringify(config))
  const start = async () => {
    const running = cli.start(['serve', '--config', file])
    const [, url = ''] = await running.until(/"listening on (http:[^"]+)"/)
    return { ...running, url }
  }
  return { store, start }
}

t.test('the parts of a stop fit into its time, however long the drain is', async (t) => {
  t.ok(graceMs < 10_000)
  for (let drainMs = 0; drainMs <= 5000; drainMs += 250) {
    const { requestsMs, handBackMs } = stopTimes(drainMs)
    const left = graceMs - drainMs - Math.max(requestsMs, handBackMs)
    t.ok(Math.min(requestsMs, handBackMs) >= 2000 && left >= 1500, `after ${drainMs} ms`)
  }
  t.strictSame(stopTimes(0), { requestsMs: 6000, handBackMs: 5000 })
})

t.test('while it drains it says 503, takes requests, and sends clients away', async (t) => {
  const { start, store } = await serverWith(t, '2s')
  const { child, ended, until, url } = await start()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  t.match(await ask(`${url}/readyz`, agent), { status: 200, headers: { connection: 'keep-alive' } })

  child.kill('SIGTERM')
  await until(/"stopping"/)
  const readyz = await ask(`${url}/readyz`, agent)
  t.equal(readyz.status, 503)
  t.match(JSON.parse(readyz.body), { code: 'NOT_READY', reasons: ['stopping'] })
  t.equal(readyz.headers.connection, 'close', 'on the connection that was there')
  const livez = await ask(`${url}/livez`, undefined)
  t.strictSame([livez.status, livez.headers.connection], [200, 'close'], 'and on a new one')
  const pushed = await ask(`${url}/api/v1/push/darktrace`, agent, { indicators: ['evil.example'] })
  t.strictSame([pushed.status, pushed.headers.connection], [202, 'close'], 'a push is taken')

  const { code, stdout } = await ended
  t.equal(code, 0)
  t.notMatch(stdout, /"level":(40|50|60)[^\n]*under way/, 'nothing was cut off')
  await t.rejects(ask(`${url}/livez`, undefined), { code: 'ECONNREFUSED' })

  const again = await start()
  const { id } = JSON.parse(pushed.body)
  t.equal((await ask(`${again.url}/api/v1/exports/${id}`, undefined)).status, 200, 'what was taken is there')

  again.child.kill('SIGTERM')
  await again.until(/"stopping"/)
  again.child.kill('SIGTERM')
  t.equal((await again.ended).code, 1, 'a second signal waits for no drain')
  await eventually(() => engineProcesses(store).length === 0)
})

t.test('without a drain a request that gets no answer was not begun', async (t) => {
  const { start } = await serverWith(t, '0s')
  const { child, ended, url } = await start()
  const taken = new Set<string>()
  const unanswered: string[] = []
  let sent = 0
  /** Each on a connection of its own, which it keeps. */
  const client = async (name: number) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let count = 0; ; count++) {
      try {
        sent++
        const { status, body } = await ask(`${url}/api/v1/push/darktrace`, agent, {
          indicators: [`host-${name}-${count}.example`],
        })
        if (status === 202) taken.add(JSON.parse(body).id)
        else unanswered.push(`${status}`)
      } catch (error) {
        unanswered.push((error as NodeJS.ErrnoException).code ?? String(error))
        return agent.destroy()
      }
    }
  }
  const clients = Promise.all(Array.from({ length: 12 }, (_, name) => client(name)))
  while (taken.size < 30) await ask(`${url}/livez`, undefined)
  child.kill('SIGTERM')
  await clients
  t.equal((await ended).code, 0)
  const closed = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE']
  t.strictSame(
    unanswered.filter((why) => !closed.includes(why)),
    [],
    'all that is not a whole answer is a closed connection',
  )
  const again = await start()
  const stored = new Set<string>()
  for (let path: string | null = '/api/v1/exports?limit=100'; path !== null; ) {
    const { body } = await ask(again.url + path, undefined)
    const page = JSON.parse(body) as {
      readonly data: readonly { id: string }[]
      readonly links: { next: string | null }
    }
    for (const { id } of page.data) stored.add(id)
    path = page.links.next === null ? null : page.links.next.replace(again.url, '')
  }
  t.strictSame(
    [...stored].filter((id) => !taken.has(id)),
    [],
    `of ${sent} pushes, ${taken.size} were answered`,
  )
  t.strictSame(
    [...taken].filter((id) => !stored.has(id)),
    [],
    'and what was answered is stored',
  )
  again.child.kill('SIGTERM')
  t.equal((await again.ended).code, 0)
})

t.test('a request that has come in part when the stop begins is answered', async (t) => {
  const { start } = await serverWith(t, '0s')
  const { child, ended, until, url } = await start()
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve) =>
    socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n', () => resolve()),
  )
  // It has read the part once it answers somebody who came later.
  await ask(`${url}/livez`, undefined)
  child.kill('SIGTERM')
  await until(/"stopping"/)
  socket.write('\r\n')
  await closed
  t.match(answer, /^HTTP\/1\.1 503 /)
  t.match(answer, /connection: close/i)
  t.match(answer, /"reasons":\["stopping"\]/, 'without a drain, too, it is not ready from then on')
  t.equal((await ended).code, 0)
})
