#!/usr/bin/env node
/**
 * The process: command line -> program. It also sees to the runtime: an older `node` on the PATH hands over to the
 * one that the package brought along, so that `node dist/main.js` works wherever `npm ci` did.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'

const oldest = [22, 19] as const

if (isOldEnough(process.versions.node)) {
  const { run } = await import('./cli/program.ts')
  process.exitCode = await run(process.argv.slice(2))
} else {
  handOver(bundledNode())
}

function isOldEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}

function bundledNode(): string {
  const require = createRequire(import.meta.url)
  try {
    return require.resolve(`node-${process.platform}-${process.arch}/bin/node`)
  } catch {
    console.error(
      `feed-server needs Node ${oldest.join('.')} or later; this is ${process.versions.node}, and no runtime came ` +
        `with the package for ${process.platform}-${process.arch}. Run npm ci, or install a newer Node.`,
    )
    process.exit(2)
  }
}

/** The child ends when this process does, even by SIGKILL: the channel between them closes then. */
function handOver(node: string): void {
  const child = spawn(node, process.argv.slice(1), { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128)
  })
}
