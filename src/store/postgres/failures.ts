/** Which failures of the database pass by themselves, and what callers are told of those that are not ours. */
import { DatabaseError } from 'pg'
import { ServiceError } from '../../errors.ts'

/** A transaction that lost against another one: serialization failure, deadlock. Carried out again. */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === '40001' || error.code === '40P01')
}

/**
 * Classes and codes of SQLSTATE by which the server says that it can't serve now: connections, conflicts with others,
 * resources, operator, system, a standby that is read only, a session that was idle for too long.
 */
const unavailable = /^(08|40001$|40003$|40P01$|53|57|58|25006$|25P0[34]$|28|3D000$)/

/** Of those that somebody has to do something about. */
const reasons: Readonly<Record<string, string>> = {
  '25006': 'the database can only be read',
  '40001': 'the database gives way to other work',
  '40P01': 'the database gives way to other work',
  '28000': 'the database refuses the login',
  '28P01': 'the database refuses the login',
  '53100': "the database's disk is full",
  '53300': 'the database has no connection left',
}

/** Not with this connection: the server ends it, or is one that can't be written to; another may lead to its successor. */
const notWithThis = /^(08|57P|25006$|25P0[34]$)/

/** Whether the connection can still be used. */
export function isAnswer(error: unknown): boolean {
  return error instanceof DatabaseError && !notWithThis.test(error.code ?? '') && !isLast(error)
}

/** As the server names it in whatever language; of old ones in English. */
function isLast({ severity }: DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

/** It was to write, and this server lets nobody. Nothing was carried out. */
export function isStandby(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '25006'
}

/** Nobody refused, and nobody answered. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout'
}

/** What is no fault of the statement becomes `STORE_UNAVAILABLE`; everything else is handed back. */
export function translated(error: unknown): unknown {
  const isTheirs =
    error instanceof DatabaseError ? unavailable.test(error.code ?? '') : isNetworkFailure(error)
  return isTheirs ? notServed(error) : error
}

/** At the start of a program, whose messages are read by those who may know more. */
export function translatedAtStart(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return translated(error)
  if (error.code === notAllowed) {
    return storeUnavailable(
      `${error.message}; its user needs the right CREATE, on the database and on the schema public`,
      error,
    )
  }
  return unavailable.test(error.code ?? '') ? storeUnavailable(error.message, error) : error
}

const notAllowed = '42501'

/** Says no more than a code: messages name addresses and users, which callers need not know. */
export function notServed(error: unknown): ServiceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const what = reasons[code] ?? 'the database does not answer'
  return storeUnavailable(code === '' ? what : `${what} (${code})`, error)
}

/** `pg` has no code for its own: they are told by what it says. */
const driverFailure =
  /^(Connection terminated|Client has encountered a connection error|Query read timeout|timeout exceeded when trying|Cannot use a pool after calling end|Client was closed|The server does not support SSL)/

function isNetworkFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('syscall' in error) return true
  return driverFailure.test(error.message) || ('code' in error && /^E[A-Z]+$/.test(String(error.code)))
}

/** @param detail is shown to the caller */
export function storeUnavailable(detail: string, cause?: unknown): ServiceError {
  return new ServiceError('STORE_UNAVAILABLE', detail, { cause, headers: { 'Retry-After': '5' } })
}

/** No password is in these messages; several addresses of one name fail as an `AggregateError` without a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

/** @param cause is named, with its address: for those who run the server */
export function whyNoConnection(cause: unknown): ServiceError {
  return storeUnavailable(`no connection to the database: ${reasonOf(cause)}`, cause)
}

const url = '`store.url` (or FEED_STORE_URL)'

const remedies: readonly (readonly [codeOrWords: RegExp, remedy: string])[] = [
  [/ECONNREFUSED|57P03/, `Start the database, or correct host and port in ${url}.`],
  [/ENOTFOUND|EAI_AGAIN/, `Correct the host in ${url}, or the DNS of this machine.`],
  [
    /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timeout/i,
    `See whether a firewall is between, and correct host and port in ${url}.`,
  ],
  [/28P01|28000/, `Correct user and password in ${url}, or let this user in (pg_hba.conf of the database).`],
  [/3D000/, `Make the database (\`createdb NAME\`), or correct its name in ${url}.`],
  [/42501/, 'Make its user the owner of the database, or give it the right CREATE on both.'],
  [/25006|only be read/, `Name the primary in ${url}.`],
  [/53100/, "Make room on the database's disk."],
  [/53300/, 'Raise max_connections of the database, or end what else is connected to it.'],
  [/does not support SSL/, `Leave sslmode out of ${url}, or turn TLS on at the database.`],
  [
    /SELF_SIGNED|UNABLE_TO_|CERT_|certificate/i,
    `Name the authority's certificate in ${url}: sslrootcert=FILE.`,
  ],
  [/or later is needed/, `Upgrade the database, or name another one in ${url}.`],
  [/a newer one has migrated it/, 'Start the newer version, or restore a backup that this one has made.'],
  [/lacks the right CREATE/, 'Make its user the owner of the database, or give it the right CREATE on both.'],
]

/** What to do about a database that can't be used. @param error that `translatedAtStart` gave */
export function remedyAtStart(error: Error): string {
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const several = cause instanceof AggregateError ? cause.errors.map(reasonOf).join(' ') : ''
  const said = `${code} ${several} ${error.message}`
  const [, remedy] = remedies.find(([pattern]) => pattern.test(said)) ?? []
  return remedy ?? `Correct ${url}, or start the database.`
}
