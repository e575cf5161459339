/** The audit log for the command: through the server that has the store, or from the store where nobody has it. */
import type { Logger } from 'pino'
import type { Config, StoreConfig } from '../config/model.ts'
import { hasStore } from '../store/embedded/look.ts'
import type { AuditEntry } from '../store/operations-store.ts'
import { CommandError } from './failure.ts'
import { serverWith, storeOf } from './store.ts'
import { table } from './table.ts'
import { print } from './terminal.ts'

export interface AuditNowOptions {
  readonly config: Pick<Config, 'store'>
  readonly log: Logger
  readonly signal: AbortSignal
  readonly json: boolean
}

/** As the API answers it. */
interface Verified {
  readonly ok: boolean
  readonly entries: number
  readonly broken: number | null
}

interface Page {
  readonly data: readonly AuditEntry[]
  readonly next: string | null
}

interface Reader {
  page(limit: number, cursor: string | null): Promise<Page>
  verify(): Promise<Verified>
  close(): Promise<void>
}

export async function showAudit({
  config,
  log,
  signal,
  json,
  limit,
}: AuditNowOptions & { readonly limit: number }): Promise<void> {
  const reader = await readerOf(config.store, log, signal)
  try {
    const entries: AuditEntry[] = []
    for (let cursor: string | null = null; entries.length < limit; ) {
      const { data, next }: Page = await reader.page(Math.min(pageSize, limit - entries.length), cursor)
      entries.push(...data)
      if (next === null) break
      cursor = next
    }
    await print(json ? entries.map((entry) => `${JSON.stringify(entry)}\n`).join('') : drawn(entries), signal)
  } finally {
    await reader.close()
  }
}

/** @throws CommandError where it is not whole, after the result was written */
export async function verifyAudit({ config, log, signal, json }: AuditNowOptions): Promise<void> {
  const reader = await readerOf(config.store, log, signal)
  try {
    const verified = await reader.verify()
    const { ok, entries, broken } = verified
    if (json) await print(`${JSON.stringify(verified)}\n`, signal)
    else if (ok) await print(`The audit log is whole: ${entriesOf(entries)}.\n`, signal)
    if (!ok) {
      throw new CommandError(
        `the audit log is broken at entry ${broken}: it was changed, or an entry before it was taken out; ${entriesOf(entries)} before are as they were written. Compare with a backup.`,
        1,
      )
    }
  } finally {
    await reader.close()
  }
}

function entriesOf(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`
}

const pageSize = 1000
/** Following a long chain takes longer than any other answer. */
const verifyMs = 600_000

/** @throws CommandError */
async function readerOf(config: StoreConfig, log: Logger, signal: AbortSignal): Promise<Reader> {
  try {
    // Opened, one would be made.
    if (config.kind === 'embedded' && !(await hasStore(config.folder))) {
      throw new CommandError(`there is no store in ${config.folder} (store.url)`, 1)
    }
    const { store, close } = await storeOf(config, log)
    return {
      async page(limit, cursor) {
        const before = cursor === null ? {} : { before: Number(cursor) }
        const data = await store.audited({ limit, ...before })
        return { data, next: data.length < limit ? null : String(data.at(-1)?.id) }
      },
      async verify() {
        const { entries, broken } = await store.verifyAudit()
        return { ok: broken === undefined, entries, broken: broken ?? null }
      },
      close,
    }
  } catch (error) {
    const server = serverWith(config, error)
    return {
      async page(limit, cursor) {
        const after = cursor === null ? '' : `&cursor=${cursor}`
        return (await server.ask('GET', `/api/v1/audit?limit=${limit}${after}`, { signal })) as Page
      },
      verify: async () =>
        (await server.ask('GET', '/api/v1/audit/verify', { signal, timeoutMs: verifyMs })) as Verified,
      async close() {},
    }
  }
}

function drawn(entries: readonly AuditEntry[]): string {
  const head = ['id', 'at', 'key', 'address', 'action', 'subject', 'status', 'details']
  const rows = entries.map(({ id, at, key, address, action, subject, status, details }) => {
    const more = Object.keys(details).length === 0 ? '' : JSON.stringify(details)
    return [String(id), at, key ?? '', address, action, subject ?? '', String(status ?? ''), more]
  })
  return table(head, rows, process.stdout.columns)
}
