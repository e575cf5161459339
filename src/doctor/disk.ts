/** Whether the store has room to grow. */
import { dirname } from 'node:path'
import type { StoreConfig } from '../config/model.ts'
import type { Finding } from '../connector.ts'

/** Of a file system: bytes, and files where it counts them (0: it does not). */
export interface DiskSpace {
  readonly total: number
  /** For this user. */
  readonly free: number
  readonly files: number
  readonly freeFiles: number
}

const mebibyte = 2 ** 20
const gibibyte = 2 ** 30

const toldBelow = { share: 0.1, bytes: gibibyte, filesShare: 0.1 }
/** A fetch of some hundred thousand indicators writes as much before the database cleans up. */
const wrongBelow = { bytes: 256 * mebibyte, files: 1000 }

export async function diskFinding(
  store: StoreConfig,
  { space }: { space(folder: string): Promise<DiskSpace> },
): Promise<Finding> {
  const name = 'disk'
  if (store.kind === 'postgres') {
    return { name, ok: true, evidence: "the database's own: it can not be seen from here" }
  }
  const { folder } = store
  let seen: DiskSpace
  try {
    seen = await spaceAt(folder, space)
  } catch (error) {
    const cause = `The room in ${folder} can't be told: ${error instanceof Error ? error.message : String(error)}.`
    return { name, ok: false, cause, remedy: 'Let this user look at the folder of `store.url`.' }
  }
  const evidence = `${size(seen.free)} of ${size(seen.total)} free in ${folder}${filesSeen(seen)}`
  const lack = lackOf(seen)
  if (lack === undefined) return { name, ok: true, evidence }
  const { wrong, what } = lack
  return {
    ...{ name, ok: !wrong, evidence },
    cause: `The file system of the store ${wrong ? 'is full or nearly so' : 'gets full'}: ${what} left.`,
    remedy: `Make room on the disk of ${folder}, or move the store to a bigger one (store.url; feed-server backup and restore).`,
  }
}

/** The folder need not be there yet: it will be on the file system of the one above it. */
async function spaceAt(folder: string, space: (folder: string) => Promise<DiskSpace>): Promise<DiskSpace> {
  try {
    return await space(folder)
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const parent = dirname(folder)
    if (!missing || parent === folder) throw error
    return spaceAt(parent, space)
  }
}

function lackOf({ total, free, files, freeFiles }: DiskSpace): { wrong: boolean; what: string } | undefined {
  const bytes = `${size(free)} (${percent(free, total)})`
  const nodes = `${freeFiles} files (inodes; ${percent(freeFiles, files)})`
  if (free < wrongBelow.bytes) return { wrong: true, what: `only ${bytes} are` }
  if (files > 0 && freeFiles < wrongBelow.files) return { wrong: true, what: `only ${nodes} are` }
  if (free < toldBelow.bytes || free < total * toldBelow.share) return { wrong: false, what: `${bytes} are` }
  if (files > 0 && freeFiles < files * toldBelow.filesShare) return { wrong: false, what: `${nodes} are` }
  return undefined
}

function filesSeen({ files, freeFiles }: DiskSpace): string {
  return files > 0 ? `, and ${percent(freeFiles, files)} of its inodes` : ''
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.floor((part / whole) * 100)} %`
}

function size(bytes: number): string {
  return bytes < gibibyte ? `${Math.floor(bytes / mebibyte)} MiB` : `${(bytes / gibibyte).toFixed(1)} GiB`
}
