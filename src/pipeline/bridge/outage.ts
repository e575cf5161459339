/** Whether an end fails for all. Pure. */
import type { Health } from '../../store/health.ts'

/**
 * A circuit opens after some failures; until then an effect that failed as often as its end did in a row may be the one
 * that finds out: nothing went well there since, for whatever effect.
 * @param attempts of the effect
 */
export function isOutFor({ circuit, failures, error }: Health, attempts: number): boolean {
  // A fault of ours says nothing of it.
  const fails = failures > 0 && error?.code !== 'INTERNAL'
  return circuit === 'open' || (fails && failures >= attempts)
}
