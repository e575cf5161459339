/** What a server without a store has in its place: whatever needs it answers that there is none. */
import { ServiceError } from '../errors.ts'

/** @typeParam S an interface of functions alone; each of them throws STORE_UNAVAILABLE */
export function absent<S extends object>(what: string): S {
  const refuse = (): never => {
    throw new ServiceError('STORE_UNAVAILABLE', `this server runs without ${what}`)
  }
  return new Proxy({} as S, { get: () => refuse })
}
