#!/usr/bin/env node
/**
 * The process: command line -> program. It also sees to the runtime: an older `node` on the PATH hands over to the
 * one that the package brought along, so that `node dist/main.js` works wherever `npm ci` did.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants } from 'node:os'

const oldest = [22, 19] as const

/** In the new process: it stops when the channel to this one closes, as it does even by SIGKILL. */
const tie = 'process.once("disconnect", () => process.kill(process.pid, "SIGTERM")); process.channel?.unref()'

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
    return unusable(`no runtime came with the package for ${process.platform}-${process.arch}`)
  }
}

function unusable(why: string): never {
  console.error(
    `feed-server needs Node ${oldest.join('.')} or later; this is ${process.versions.node}, and ${why}. ` +
      'Run npm ci, or install a newer Node.',
  )
  process.exit(2)
}

/**
 * Signals reach the new process once and through this one alone, as it is in no group of the terminal: a Ctrl-C that
 * came twice would be taken for a second one, which ends a server at once.
 */
function handOver(node: string): void {
  const options = [...process.execArgv, '--import', `data:text/javascript,${encodeURIComponent(tie)}`]
  const child = spawn(node, [...options, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  child.on('error', ({ message }) => unusable(`the runtime of the package does not start (${message})`))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
  })
}
