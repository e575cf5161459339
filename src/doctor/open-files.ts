/** Whether the process may have as many connections and files open as a busy server needs. */
import type { Finding } from '../connector.ts'

const enough = 1024

/** @param limit of this process; undefined: unknown here */
export function openFilesFinding(limit: number | undefined): Finding {
  const name = 'files'
  if (limit === undefined) return { name, ok: true, evidence: 'the limit of open files is not told here' }
  const evidence = `${Number.isFinite(limit) ? limit : 'any number of'} files and connections may be open at once`
  if (limit >= enough) return { name, ok: true, evidence }
  return {
    ...{ name, ok: true, evidence },
    cause: `Only ${limit} files and connections may be open at once: with many clients that is too few.`,
    remedy: `Raise the limit to ${enough} or more: \`ulimit -n\`, LimitNOFILE of systemd, or --ulimit nofile of a container.`,
  }
}
