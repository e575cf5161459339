/** What goes wrong at a double, when it is asked for: before something is done, or after, so that its answer is lost. */
import { setImmediate as turn } from 'node:timers/promises'
import { UpstreamError, type UpstreamErrorKind, type UpstreamErrorOptions } from '../../../src/errors.ts'

export interface Fault {
  /** lost: it was carried out, and its answer is lost. */
  readonly when: 'before' | 'lost'
  readonly error: Error
}

export interface Faults {
  /** Of each of the next calls of this name one. */
  fail(call: string, ...faults: readonly (Fault | undefined)[]): void
  /** Each call: `create IN1`. */
  readonly calls: string[]
  count(call: string): number
  clear(): void
  /** Called when a call begins, before anything is done; awaited. */
  onCall: (call: string, about: string) => void | Promise<void>
  run<T>(call: string, about: string, signal: AbortSignal, work: () => T): Promise<T>
}

export function createFaults(): Faults {
  const queues = new Map<string, (Fault | undefined)[]>()
  const calls: string[] = []
  const faults: Faults = {
    calls,
    fail(call, ...more) {
      queues.set(call, [...(queues.get(call) ?? []), ...more])
    },
    count: (call) => calls.filter((each) => each === call || each.startsWith(`${call} `)).length,
    clear: () => queues.clear(),
    onCall: () => {},
    async run(call, about, signal, work) {
      signal.throwIfAborted()
      calls.push(`${call} ${about}`)
      await turn()
      await faults.onCall(call, about)
      const fault = queues.get(call)?.shift()
      if (fault?.when === 'before') throw fault.error
      const answer = work()
      if (fault?.when === 'lost') throw fault.error
      return answer
    },
  }
  return faults
}

export function errorOf(
  service: 'desk' | 'sink',
  kind: UpstreamErrorKind,
  more: Partial<UpstreamErrorOptions> = {},
): UpstreamError {
  return new UpstreamError(kind, `the ${service} says ${kind}`, { service, ...more })
}

export const refused = (error: Error): Fault => ({ when: 'before', error })
export const lost = (error: Error): Fault => ({ when: 'lost', error })
