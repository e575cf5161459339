/** All of a bundle's parts from the API of the running server. */
import type { Config } from '../../config/model.ts'
import type { RunningServer } from '../running-server.ts'
import { auditTold, type Collected, effectsTold, exportsTold, part, runsTold } from './collected.ts'

interface Listed {
  readonly data: readonly { readonly name: string }[]
}

/** All at once: a server that hangs costs one wait, not one for each part. */
export async function fromServer(
  server: RunningServer,
  config: Pick<Config, 'bridges'>,
  signal: AbortSignal,
): Promise<Collected> {
  const get = (path: string) => server.ask('GET', path, { signal })
  const data = async (path: string) => ((await get(path)) as { readonly data: unknown }).data
  /** Each of a list, with what belongs to it. */
  const each = async (path: string, member: string, of: (name: string) => string) => {
    const listed: unknown[] = []
    for (const one of ((await get(path)) as Listed).data) {
      listed.push({ ...one, [member]: await part(signal, () => data(of(encodeURIComponent(one.name)))) })
    }
    return listed
  }
  const dead = (name: string) => `/api/v1/effects?state=dead&bridge=${name}&limit=${effectsTold}`
  const [store, sources, feeds, exporters, bridges, audit, metrics] = await Promise.all([
    part(signal, () => get('/api/v1/store')),
    part(signal, () =>
      each('/api/v1/sources', 'runs', (name) => `/api/v1/sources/${name}/runs?limit=${runsTold}`),
    ),
    part(signal, () => data('/api/v1/feeds')),
    part(signal, () =>
      each('/api/v1/exporters', 'exports', (name) => `/api/v1/exports?exporter=${name}&limit=${exportsTold}`),
    ),
    config.bridges.length === 0 ? [] : part(signal, () => each('/api/v1/bridges', 'deadEffects', dead)),
    part(signal, () => data(`/api/v1/audit?limit=${auditTold}`)),
    part(signal, () => server.text('/metrics', signal)),
  ])
  const from = { kind: 'server', url: server.url } as const
  return { from, store, sources, feeds, exporters, bridges, audit, metrics }
}
