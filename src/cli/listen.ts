/** Why a server could not listen, in one line. */
import { CommandError } from './failure.ts'

const causes: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not use the port',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
}

/** @param remedy where another address or port can be chosen */
export function listenFailure(
  { host, port }: { readonly host: string; readonly port: number },
  error: unknown,
  remedy: string,
): CommandError {
  const { code = '', message } = error as NodeJS.ErrnoException
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const cause = causes[code]
  return new CommandError(
    `can't listen on ${address}: ${cause === undefined ? message : `${cause} (${code}); ${remedy}`}`,
    1,
  )
}
