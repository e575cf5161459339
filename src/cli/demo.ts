/** `feed-server demo`: simulators of the vendors and the server over them, in one command. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { registries } from '../app.ts'
import { environment } from '../config/environment.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import type { Simulators } from '../simulation/demo.ts'
import { configFailure } from './load-config.ts'
import { type Serving, serve } from './serve.ts'
import { portNumber, settingsOf } from './simulate.ts'
import { print, tell } from './terminal.ts'

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'Starts simulators of the vendors on loopback and the server over them; needs no configuration.',
    )
    .option('--port <number>', 'port of the server; else FEED_PORT, else 8080; 0: any free one', portNumber)
    .option('--json', '{ url, config, simulators, commands } as JSON, once it runs')
    .addHelpText('after', examples)
    .action(({ port, json }: { port?: number; json?: true }) => demo(port, json === true))
}

const examples = `
Examples:
  feed-server demo
  feed-server demo --port 0 --json
`

async function demo(port: number | undefined, json: boolean): Promise<void> {
  // Made-up vendors are nothing that a server needs in its memory.
  const { startSimulators } = await import('../simulation/demo.ts')
  const folder = await mkdtemp(join(tmpdir(), 'feed-server-demo-'))
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  const clear = async () => {
    await simulators.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const remedy = 'stop it, or choose another port with --port or FEED_PORT'
    const config = demoConfig(simulators, folder, port)
    const { url, store, schedule } = await serve(config, {
      remedy,
      beforeExit: clear,
      ...(json && { logTo: process.stderr }),
    })
    await fetchOnce(store, schedule)
    // For commands beside the demo: with the port that it has, which may have been any.
    const file = join(folder, 'feed-server.yaml')
    await writeFile(file, demoText(simulators, folder, Number(new URL(url).port)), { mode: 0o600 })
    await print(json ? `${JSON.stringify(told(url, simulators, file))}\n` : welcome(url, simulators, file))
  } catch (error) {
    await clear()
    throw error
  }
}

const firstFetchMs = 60_000

/** So that there is something to see. */
async function fetchOnce(store: Serving['store'], { fetch, stopping }: Serving['schedule']): Promise<void> {
  const { untilEnded } = await import('../pipeline/receipt.ts')
  const { lastRun } = await store.sourceState(sourceName)
  const run = lastRun ?? (await fetch(sourceName)).run
  const { status, errors } = await untilEnded(run, store, { waitMs: firstFetchMs, signal: stopping })
  if (status === 'running' || errors.length > 0) {
    tell(`the first fetch: ${status}${errors.map(({ detail }) => `; ${detail}`).join('')}`)
  }
}

const sourceName = 'tc'

/** The demo's own configuration file. */
function demoText(simulators: Simulators, folder: string, port: number): string {
  const { threatconnect, secureworks, darktrace, cofense, ctp, soar } = simulators
  const file = {
    server: { host: '127.0.0.1', port },
    log: { level: 'warn' },
    store: { url: `file:${join(folder, 'data')}` },
    sources: [
      { name: sourceName, kind: 'threatconnect', every: '5m', proxy: 'none', settings: threatconnect },
    ],
    feeds: [
      { name: 'block-ip', types: ['ipv4', 'ipv6', 'cidr'], maxTlp: 'amber' },
      { name: 'block-domain', types: ['domain'], minScore: 3 },
      { name: 'everything' },
    ],
    exporters: [
      { kind: 'secureworks', proxy: 'none', settings: secureworks },
      { kind: 'darktrace', proxy: 'none', settings: darktrace, forward: { types: ['domain'], minScore: 3 } },
      { kind: 'cofense', proxy: 'none', settings: cofense },
    ],
    bridges: [
      {
        name: 'ctp',
        ticketDesk: { kind: 'secureworks-ctp', proxy: 'none', settings: { ...ctp, every: '1m' } },
        incidentSink: {
          kind: 'ibm-soar',
          proxy: 'none',
          settings: {
            ...soar,
            closeMap: { default: 'Inconclusive' },
            closeCodes: { 'Confirmed Security Incident': 'True Positive' },
            changesEvery: '5s',
          },
        },
      },
    ],
  }
  // A dollar sign before a brace in a secret is no variable.
  return stringify(file).replaceAll('${', '$${')
}

/** Read as any other: only the log's level and the port are the user's to change. */
function demoConfig(simulators: Simulators, folder: string, port: number | undefined): LoadedConfig {
  const { FEED_LOG_LEVEL, FEED_PORT } = environment()
  const loaded = loadConfig({
    file: 'demo.yaml',
    readFile: () => demoText(simulators, folder, 8080),
    env: { FEED_LOG_LEVEL, FEED_PORT: port === undefined ? FEED_PORT : String(port) },
    cwd: process.cwd(),
    registries,
  })
  if (loaded.ok) return loaded
  throw configFailure(loaded.errors)
}

function welcome(url: string, simulators: Simulators, file: string): string {
  const { threatconnect, secureworks, darktrace, cofense, ctp, soar } = simulators
  return `
The demo runs; Ctrl-C ends all of it.

  ${url}/              the dashboard
  ${url}/docs          Swagger UI: every example runs against this demo
  ${url}/openapi.json  its description

  ${threatconnect.baseUrl}  the simulated ThreatConnect, which checks every signature
  ${secureworks.baseUrl}  the simulated Secureworks Taegis XDR
  ${darktrace.host}  the simulated Darktrace, which gets the bad domains by itself
  ${cofense.baseUrl}  the simulated Cofense Triage
  ${new URL(ctp.baseUrl).origin}/_sim/tickets  the simulated Secureworks CTP, and its tickets
  ${soar.baseUrl}  the simulated IBM SOAR: open it in a browser to see the incidents made of them

Five commands to try:

${commandsToTry(url)
  .map((command) => `  ${command}\n`)
  .join('')}
And in another terminal, for every command of feed-server:

  export FEED_CONFIG='${file}'
  npx feed-server check
`
}

function commandsToTry(url: string): readonly string[] {
  const json = "-H 'Content-Type: application/json'"
  return [
    `curl '${url}/feeds/block-ip.txt?profile=panos-ip'`,
    `curl '${url}/api/v1/tickets?state=open&limit=2'`,
    `curl -X POST '${url}/api/v1/sources/tc/fetch?wait=60'`,
    `curl '${url}/api/v1/push/secureworks?wait=30' ${json} -d '{"indicators":["203.0.113.7","evil.example"]}'`,
    `curl '${url}/api/v1/tc-get-indicators?indicator_type=Address,Host&confidence=50&threat_assess_score=300&view=xsoar'`,
  ]
}

function told(url: string, simulators: Simulators, file: string) {
  return { url, config: file, simulators: settingsOf(simulators), commands: commandsToTry(url) }
}
