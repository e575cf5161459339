/** Who says so: owners and sources as identities. */
import { uuidV5 } from '../../model/identity.ts'
import type { Provenance } from '../../model/indicator.ts'
import { type StixObject, versioned } from './object-text.ts'

/** Identities are the same at every server, so they have no moment of their own: that of their only version. */
export const identityModified = '2024-01-01T00:00:00.000Z'

/** Of an owner at a source, or of the source where it names no owner. */
export function identityOf({ source, owner }: Provenance): StixObject {
  const named = owner === undefined || owner === '' ? undefined : owner
  const id = `identity--${uuidV5(['identity', source, ...(named === undefined ? [] : [named])].join('\0'))}`
  const members = {
    name: (named ?? source).toWellFormed(),
    identity_class: named === undefined ? 'system' : 'organization',
  }
  return versioned({ type: 'identity', id, createdBy: undefined, created: identityModified }, members)
}
