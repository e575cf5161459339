/** `feed-server demo`: simulators of the vendors and the server over them, in one command. */
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { registries } from '../app.ts'
import { environment } from '../config/environment.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import type { Simulators } from '../simulation/demo.ts'
import { configFailure } from './load-config.ts'
import { serve } from './serve.ts'
import { portNumber } from './simulate.ts'
import { print } from './terminal.ts'

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'Starts simulators of the vendors on loopback and the server over them; needs no configuration.',
    )
    .option('--port <number>', 'port of the server; else FEED_PORT, else 8080; 0: any free one', portNumber)
    .action((options: { port?: number }) => demo(options.port))
}

async function demo(port: number | undefined): Promise<void> {
  // Made-up vendors are nothing that a server needs in its memory.
  const { startSimulators } = await import('../simulation/demo.ts')
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  try {
    const { config, warnings } = demoConfig(simulators, port)
    const remedy = 'stop it, or choose another port with --port or FEED_PORT'
    const url = await serve(config, warnings, { remedy, beforeExit: () => simulators.close() })
    await print(welcome(url, simulators.threatconnect.baseUrl))
  } catch (error) {
    await simulators.close()
    throw error
  }
}

/** The demo's own configuration, read as any other: only the log's level and the port are the user's to change. */
function demoConfig({ threatconnect }: Simulators, port: number | undefined): LoadedConfig {
  const { baseUrl, accessId, secretKey } = threatconnect
  const file = {
    server: { host: '127.0.0.1', port: 8080 },
    log: { level: 'warn' },
    sources: [
      { name: 'tc', kind: 'threatconnect', proxy: 'none', settings: { baseUrl, accessId, secretKey } },
    ],
  }
  const { FEED_LOG_LEVEL, FEED_PORT } = environment()
  const loaded = loadConfig({
    file: 'demo.yaml',
    // A dollar sign before a brace in a secret is no variable.
    readFile: () => stringify(file).replaceAll('${', '$${'),
    env: { FEED_LOG_LEVEL, FEED_PORT: port === undefined ? FEED_PORT : String(port) },
    cwd: process.cwd(),
    registries,
  })
  if (loaded.ok) return loaded
  throw configFailure(loaded.errors)
}

function welcome(url: string, simulator: string): string {
  return `
The demo runs; Ctrl-C ends all of it.

  ${url}/docs          Swagger UI: every example runs against this demo
  ${url}/openapi.json  its description
  ${simulator}  the simulated ThreatConnect, which checks every signature

Five commands to try:

  curl '${url}/api/v1/tc-get-owners'
  curl '${url}/api/v1/tc-get-indicators?limit=2&raw=false'
  curl '${url}/api/v1/tc-get-indicators?indicator_type=Address,Host&confidence=50&threat_assess_score=300&view=xsoar'
  curl -H 'Accept: text/markdown' '${url}/api/v1/tc-get-indicators?limit=3'
  curl -X POST '${url}/api/v1/sources/tc/check'

`
}
