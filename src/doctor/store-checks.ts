/** Whether the store can be used, who uses it, and whether its clock is ours. */
import type { StoreConfig } from '../config/model.ts'
import type { Finding } from '../connector.ts'
import {
  type DatabaseLook,
  type Holder,
  type Seen,
  type StoreConnection,
  seenDatabase,
  seenFolder,
  seenHeld,
} from '../store/look.ts'
import type { Answer } from './port.ts'

export interface CheckedStore {
  readonly config: { readonly store: StoreConfig }
  readonly connection?: StoreConnection
  now(): number
}

export interface StoreFindings {
  readonly findings: readonly Finding[]
  /** The running server that has an embedded store. */
  readonly holder: Holder | undefined
}

type Ask = (url: string, path: string, signal: AbortSignal) => Promise<Answer | undefined>

const connectTimeoutMs = 5000

/** @throws the signal's reason */
export async function storeFindings(
  { config: { store }, connection, now }: CheckedStore,
  { ask }: { readonly ask: Ask },
  signal: AbortSignal,
): Promise<StoreFindings> {
  if (connection === undefined && store.kind === 'embedded') return folderFindings(store, ask, signal)
  const where = connection ?? { connectionString: store.url }
  const seen = await seenDatabase(where, { signal, connectTimeoutMs, now })
  return { findings: databaseFindings(seen, store.kind === 'embedded'), holder: undefined }
}

function databaseFindings(seen: Seen<DatabaseLook>, embedded: boolean): Finding[] {
  if ('fault' in seen) return [{ name: 'store', ok: false, ...seen.fault }]
  const { version, latencyMs, aheadMs, schema, newestSchema } = seen.look
  const evidence = `${embedded ? 'embedded ' : ''}PostgreSQL ${version}, answers in ${latencyMs.toFixed(1)} ms, ${schemaSeen(schema, newestSchema)}`
  return [{ name: 'store', ok: true, evidence }, clockFinding(aheadMs)]
}

function schemaSeen(schema: number, newest: number): string {
  if (schema === newest) return `schema ${schema}`
  return schema === 0
    ? 'no schema yet: the server makes it'
    : `schema ${schema}: the next start brings it to ${newest}`
}

/** From here on expiry, leases and what is due are noticeably off; from there on they are wrong. */
const toldMs = 5000
const wrongMs = 60_000

function clockFinding(aheadMs: number): Finding {
  const name = 'store-clock'
  const apart = Math.abs(aheadMs)
  const evidence = `its clock is ${(apart / 1000).toFixed(1)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} ours`
  if (apart <= toldMs) return { name, ok: true, evidence }
  return {
    ...{ name, ok: apart <= wrongMs, evidence },
    cause: `The clock of the database and that of this machine are ${Math.round(apart / 1000)} s apart.`,
    remedy: 'Set both clocks by NTP.',
  }
}

async function folderFindings(
  { folder, binaries }: Extract<StoreConfig, { kind: 'embedded' }>,
  ask: Ask,
  signal: AbortSignal,
): Promise<StoreFindings> {
  const seen = await seenFolder(folder, binaries)
  if ('fault' in seen) return { findings: [{ name: 'store', ok: false, ...seen.fault }], holder: undefined }
  const { made, standing, holder } = seen.look
  if (holder !== undefined) {
    const finding = await holderFinding(folder, holder, ask, signal)
    // The same machine's clock.
    if (finding !== undefined) return { findings: [finding], holder }
  }
  const state = made
    ? 'holds a database, which nobody uses now'
    : 'is empty: the server makes a database there'
  const evidence =
    standing === folder ? `${folder} ${state}` : `${folder} is made at the start, in ${standing}`
  return { findings: [{ name: 'store', ok: true, evidence }], holder: undefined }
}

/** @returns undefined: it is gone, and its name stayed behind */
async function holderFinding(
  folder: string,
  { pid, host, startedAt, url }: Holder,
  ask: Ask,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const name = 'store'
  const who = `process ${pid} on ${host}, started ${startedAt}`
  const answer = url === undefined ? undefined : await ask(url, '/readyz', signal)
  if (answer?.status === 200) {
    return { name, ok: true, evidence: `${folder} is held by the running server at ${url} (${who})` }
  }
  const held = await seenHeld(folder)
  if ('fault' in held) return { name, ok: false, ...held.fault }
  if (!held.look) return undefined
  const evidence = `${folder} is held by ${who}`
  if (url === undefined) return { name, ok: true, evidence: `${evidence}; it is starting` }
  return {
    ...{ name, ok: false, evidence },
    cause:
      answer === undefined
        ? `The server that has the store does not answer at ${url}.`
        : `The server that has the store, at ${url}, is not ready (${answer.status}): ${reasonIn(answer.body)}.`,
    remedy: 'Look at its log; if it hangs, stop it and start it again.',
  }
}

function reasonIn(body: string): string {
  try {
    return String(JSON.parse(body).detail)
  } catch {
    return 'it does not say why'
  }
}
