/** What can be seen of a store without opening it, or what keeps a server from using it: beside a server and in it. */

import { ServiceError } from '../errors.ts'
import { StoreUnavailable } from './embedded/errors.ts'
import type { Holder } from './embedded/holder.ts'
import { type FolderLook, isHeld, lookAtFolder } from './embedded/look.ts'
import type { StoreConnection } from './open.ts'
import { remedyAtStart } from './postgres/failures.ts'
import { type DatabaseLook, type LookOptions, lookAtDatabase } from './postgres/look.ts'

export type { DatabaseLook, Holder, StoreConnection }

/** No secret is in it. */
interface StoreFault {
  readonly cause: string
  readonly remedy: string
}

export type Seen<Look> = { readonly look: Look } | { readonly fault: StoreFault }

/** The folder of an embedded store. @param binaries as `store.binaries` */
export function seenFolder(folder: string, binaries: string | undefined): Promise<Seen<FolderLook>> {
  return seen(() => lookAtFolder(folder, binaries))
}

/** Whether a process holds the folder, whatever it says; takes the lock for an instant. */
export function seenHeld(folder: string): Promise<Seen<boolean>> {
  return seen(() => isHeld(folder))
}

/** @throws the signal's reason */
export function seenDatabase(connection: StoreConnection, options: LookOptions): Promise<Seen<DatabaseLook>> {
  return seen(() => lookAtDatabase(connection, options))
}

async function seen<Look>(work: () => Promise<Look>): Promise<Seen<Look>> {
  try {
    return { look: await work() }
  } catch (error) {
    if (error instanceof StoreUnavailable) {
      return { fault: explained(error) }
    }
    if (error instanceof ServiceError)
      return { fault: { cause: error.message, remedy: remedyAtStart(error) } }
    throw error
  }
}

/** Messages of the embedded store end in what to do, behind a colon, where `remedy` does not say it. */
function explained({ message, remedy }: StoreUnavailable): StoreFault {
  if (remedy !== undefined) return { cause: message, remedy: sentence(remedy) }
  const [, cause = message, advice = 'choose another store: store.url'] = /^(.+?): (.+)$/s.exec(message) ?? []
  return { cause, remedy: sentence(advice) }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`
}
