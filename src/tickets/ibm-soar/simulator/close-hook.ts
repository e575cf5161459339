/** What a rule or playbook of the product does when an incident is closed: it calls an address. */

export interface CloseHook {
  readonly url: string
  /** Such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One call of it, once it ended. */
export interface HookCall {
  readonly incidentId: number
  /** Undefined: no answer. */
  readonly status: number | undefined
  readonly error: string | undefined
}

export interface CloseHookRunner {
  readonly calls: readonly HookCall[]
  run(incidentId: number): void
  /** Ends the calls under way. */
  close(): Promise<void>
}

const timeoutMs = 30_000

export function createCloseHook(hook: CloseHook | undefined): CloseHookRunner {
  const calls: HookCall[] = []
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()

  const call = async ({ url, headers }: CloseHook, incidentId: number): Promise<void> => {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ incidentId }),
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
      })
      await response.arrayBuffer()
      calls.push({ incidentId, status: response.status, error: undefined })
    } catch (error) {
      calls.push({ incidentId, status: undefined, error: String(error) })
    }
  }
  return {
    calls,
    run(incidentId) {
      if (hook === undefined) return
      const running = call(hook, incidentId).finally(() => underWay.delete(running))
      underWay.add(running)
    },
    async close() {
      closing.abort()
      await Promise.all(underWay)
    },
  }
}
