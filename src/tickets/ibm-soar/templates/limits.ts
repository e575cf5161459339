/** How far a template may go, and the words for one that went too far. */
import { createContext, Script } from 'node:vm'
import type { TemplateProblem } from './template-error.ts'

export interface TemplateLimits {
  /** Instructions of the template, in one text or expression. */
  readonly steps: number
  /** For a whole template. The event loop waits as long. */
  readonly timeMs: number
  /** What the engine may take; its own need is about 1.3 MB. */
  readonly memoryBytes: number
  /** Characters of a rendered text. */
  readonly outputLength: number
  /** Characters of a template, and of each text in it. */
  readonly sourceLength: number
}

export const defaultTemplateLimits: TemplateLimits = {
  steps: 1_000_000,
  timeMs: 1000,
  memoryBytes: 64 * 2 ** 20,
  outputLength: 2 ** 20,
  sourceLength: 2 ** 18,
}

/** Runs with a watchdog that also stops WebAssembly; an error that it throws can't be caught inside. */
export function timeLimit(timeMs: number): <T>(work: () => T) => T {
  const surroundings: { work?: () => unknown } = {}
  createContext(surroundings)
  const script = new Script('work()')
  return <T>(work: () => T): T => {
    surroundings.work = work
    try {
      return script.runInContext(surroundings, { timeout: timeMs }) as T
    } finally {
      delete surroundings.work
    }
  }
}

/** An error that the engine gave of itself; a panic, a full stack or the watchdog leave it broken. */
export function isOrdinary(error: unknown): error is Error {
  return error instanceof Error && Object.getPrototypeOf(error) === Error.prototype && !('code' in error)
}

const timedOut = 'ERR_SCRIPT_EXECUTION_TIMEOUT'

export function tooMuchText({ outputLength }: TemplateLimits): string {
  return `it makes more text than the ${outputLength} characters it may`
}

export function problemOf(error: unknown, limits: TemplateLimits): TemplateProblem {
  if (isOrdinary(error)) {
    const [, message = '', line] = /^(.*?)(?: \(in [^()]*:(\d+)\))?$/m.exec(error.message) ?? []
    const words = message.includes('ran out of fuel')
      ? `it was stopped by the limit of ${limits.steps} steps: it holds an endless loop, or loops over too much`
      : message
    return line === undefined ? { message: words } : { message: words, line: Number(line) }
  }
  // Not one of our errors: it is made where the script runs.
  if (typeof error === 'object' && error !== null && 'code' in error && error.code === timedOut)
    return { message: `it was stopped by the limit of ${limits.timeMs} ms` }
  if (error instanceof RangeError) return { message: 'it was stopped: it is nested too deeply' }
  const megabytes = Math.round(limits.memoryBytes / 2 ** 20)
  return { message: `it was stopped: it takes more than ${megabytes} MB of memory, or is nested too deeply` }
}
