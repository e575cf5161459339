/** `feed-server health`: asks the running server of this configuration whether it is well. Loads little: it is run often. */
import { get } from 'node:http'
import type { Command } from 'commander'
import { environment } from '../config/environment.ts'
import { glance, glanceWithout, textOf } from '../config/glance.ts'
import { entryOf, type LocatedMap } from '../config/located.ts'
import { listenHost } from '../http/loopback.ts'
import { CommandError } from './failure.ts'
import { harmless, print } from './terminal.ts'

interface Options {
  readonly live?: true
  readonly json?: true
}

const examples = `
Examples:
  feed-server health                 # ready for requests?
  feed-server health --live          # for the health check of a container
  FEED_PORT=9000 feed-server health
`

export function healthCommand(program: Command): void {
  program
    .command('health')
    .option('--live', 'whether the process lives (/livez) instead of whether it is ready (/readyz)')
    .option('--json', '{ url, status, answer } as JSON')
    .description(
      'Asks the running server of this configuration (server.host, server.port, FEED_HOST, FEED_PORT) whether it is ready, and prints its answer; exits with 1 where it is not, or does not answer within 4 s.',
    )
    .addHelpText('after', examples)
    .action(async ({ live, json }: Options) => {
      const url = `${addressOf(program.opts<{ config?: string }>().config)}${live ? '/livez' : '/readyz'}`
      const { status, body } = await ask(url)
      await print(json ? `${JSON.stringify({ url, status, answer: parsed(body) })}\n` : `${body.trimEnd()}\n`)
      if (status !== 200) throw new CommandError(`${url} answered ${status}`, 1)
    })
}

/** Where the server listens, as seen from this machine. */
function addressOf(file: string | undefined): string {
  const env = environment()
  const cwd = process.cwd()
  const found = glance({ ...(file !== undefined && { file }), env, cwd, files: true })
  if (found === 'unreadable') {
    throw new CommandError('the configuration can not be read; `feed-server config check` tells why', 2)
  }
  const root = found === 'none' ? glanceWithout(env, cwd) : found
  const server = entryOf(root, 'server')?.value
  const port = textOf(server, 'port') ?? '8080'
  if (!/^\d{1,5}$/.test(port.trim()) || Number(port) > 65_535) {
    throw new CommandError(
      `server.port (or FEED_PORT) takes a port number; received ${JSON.stringify(port.slice(0, 20))}`,
      2,
    )
  }
  if (Number(port) === 0) {
    throw new CommandError('server.port is 0, any free one: name the one that the server got by FEED_PORT', 2)
  }
  return `http://${reachable(textOf(server, 'host') ?? '127.0.0.1', hasKeys(root))}:${Number(port)}`
}

function hasKeys(root: LocatedMap): boolean {
  const auth = entryOf(root, 'auth')?.value
  const keys = auth?.kind === 'map' ? entryOf(auth, 'keys')?.value : undefined
  return keys?.kind === 'list' && keys.items.length > 0
}

/** Of all addresses of a machine loopback is one. */
function reachable(configured: string, withKeys: boolean): string {
  const { host } = listenHost(configured, withKeys)
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::' || host === '[::]') return '[::1]'
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

const timeoutMs = 4000
/** More than either answer ever has. */
const mostBytes = 64 * 1024

function ask(url: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new CommandError(`${url} does not answer: ${why}`, 1))
    const timer = setTimeout(() => {
      request.destroy()
      fail(`nothing came within ${timeoutMs / 1000} s`)
    }, timeoutMs)
    const request = get(url, { agent: false, headers: { accept: 'application/json' } }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (body.length < mostBytes) body += chunk
      })
      response.on('end', () => {
        clearTimeout(timer)
        resolve({ status: response.statusCode ?? 0, body })
      })
      response.on('error', (error) => fail(harmless(error.message)))
    })
    request.on('error', (error) => {
      clearTimeout(timer)
      fail(harmless(error.message))
    })
  })
}

/** What is no JSON stays text: another program may listen there. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
