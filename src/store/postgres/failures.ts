/** Which failures of the database pass by themselves, and what callers are told of those that are not ours. */
import { DatabaseError } from 'pg'
import { ServiceError } from '../../errors.ts'

/** A transaction that lost against another one: serialization failure, deadlock. Carried out again. */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === '40001' || error.code === '40P01')
}

/**
 * Classes and codes of SQLSTATE by which the server says that it can't serve now: connections, resources, operator,
 * system, a standby that is read only.
 */
const unavailable = /^(08|53|57|58|25006$|28|3D000$)/

/** Of those that somebody has to do something about. */
const reasons: Readonly<Record<string, string>> = {
  '25006': 'the database can only be read',
  '28000': 'the database refuses the login',
  '28P01': 'the database refuses the login',
  '53100': "the database's disk is full",
  '53300': 'the database has no connection left',
}

/** Whether the connection can still be used. */
export function isAnswer(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(08|57P)/.test(error.code ?? '')
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
