#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The process: command line -> program. It also sees to the runtime: an older `node` on the PATH hands over to the
 * one that the package brought along, so that `node dist/main.js` works wherever `npm ci` did.
 *
 * Pages of records come and go: with a small young generation their garbage is collected while it is warm, which takes
 * a third of the memory and less time than V8's default of 16 MiB and more (`npm run bench:pass-through`).
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { setFlagsFromString } from 'node:v8'

const oldest = [22, 19] as const
/** In MiB; as in the first line, in package.json and in the Dockerfile. */
const youngGeneration = '--max-semi-space-size=4'

/** In the new process: it stops when the channel to this one closes, as it does even by SIGKILL. */
const tie = 'process.once("disconnect", () => process.kill(process.pid, "SIGTERM")); process.channel?.unref()'

if (isOldEnough(process.versions.node)) {
  const { run } = await import('./cli/program.ts')
  // V8 lets a small heap grow to four times what lives in it; 2.4 times is a third less memory at nearly the same speed.
  setFlagsFromString('--heap-growing-percent=140')
  // So small a young generation is collected sooner by one thread than by several.
  setFlagsFromString('--no-parallel-scavenge')
  // Started without it, by a bare `node`: the size can't be set any more, but it need not grow further.
  if (!process.execArgv.includes(youngGeneration)) setFlagsFromString('--semi-space-growth-factor=1')
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
  const options = [
    ...process.execArgv,
    youngGeneration,
    '--import',
    `data:text/javascript,${encodeURIComponent(tie)}`,
  ]
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
