/** Why a server could not listen, in one line. */
import { addressOf, whyNotListening } from '../doctor/port.ts'
import { CommandError } from './failure.ts'

/** @param remedy where another address or port can be chosen; absent: in the configuration */
export function listenFailure(
  { host, port }: { readonly host: string; readonly port: number },
  error: unknown,
  remedy?: string,
): CommandError {
  const why = whyNotListening(error)
  // What is not known is no matter of the address.
  const advice = why.remedy === undefined ? '' : `; ${remedy ?? why.remedy}`
  return new CommandError(`can't listen on ${addressOf(host, port)}: ${why.cause}${advice}`, 1)
}
