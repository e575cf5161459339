/** Python, for what is written in it; its tests are skipped where there is none. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const xsoarFolder = join(import.meta.dirname, '../../integrations/xsoar')

/** Why tests of Python code can't run here; false: they can. */
export const noPython: string | false =
  spawnSync('python3', ['--version']).status === 0 ? false : 'there is no python3 on this machine'

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** @param args of `python3`, in the folder of the XSOAR integration */
export function python(args: readonly string[], input = ''): Promise<Ran> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' }
  const child = spawn('python3', args, { cwd: xsoarFolder, env })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) =>
      resolve({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
  })
}
