/** The whole server over a simulator, as `serve` would make it, without listening. */
import { pino } from 'pino'
import { stringify } from 'yaml'
import { createApp, registries } from '../src/app.ts'
import { loadConfig } from '../src/config/load.ts'
import { formatProblem } from '../src/config/problem.ts'
import type { App } from '../src/http/app.ts'
import { demoAccount } from '../src/sources/threatconnect/simulator/accounts.ts'

/** An entry of `sources` with the simulator's account; `more` goes beside its settings, or replaces them. */
export function sourceEntry(
  baseUrl: string,
  more: { name?: string; settings?: object } & object = {},
): object {
  const { accessId, secretKey } = demoAccount
  const { settings, ...beside } = more
  return {
    name: 'tc',
    kind: 'threatconnect',
    ...beside,
    settings: { baseUrl, accessId, secretKey, ...settings },
  }
}

/** @param file the configuration, as its YAML would be read */
export async function appWith(file: object, log = pino({ level: 'silent' })): Promise<App> {
  const loaded = loadConfig({
    file: 'test.yaml',
    readFile: () => stringify(file).replaceAll('${', '$${'),
    env: {},
    cwd: '/',
    registries,
  })
  if (!loaded.ok) throw new Error(loaded.errors.map(formatProblem).join('\n'))
  const app = await createApp(loaded.config, { log, version: '0.0.0', env: {}, now: Date.now })
  await app.ready()
  return app
}
