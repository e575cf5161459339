/** Three values of each field: what we wrote last, what the incident has, what the ticket says now. Pure. */
import type { Applied } from '../incident-sink.ts'
import type { Fields } from './fields.ts'
import type { fieldPolicies, IbmSoarSettings } from './settings.ts'
import { excerpt, isEmpty, isSame, valueIn } from './values.ts'
import type { FieldChange, Row } from './wire.ts'

export type FieldPolicy = (typeof fieldPolicies)[number]

export interface Merged {
  readonly changes: readonly FieldChange[]
  readonly events: Applied['events']
  /** What is remembered of these fields from now on. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** A field that is to be written. */
export interface Wanted {
  readonly key: string
  /** As a template gave it: what is remembered. */
  readonly given: unknown
  /** As it goes out. */
  readonly wire: unknown
}

export interface MergeOptions {
  readonly wanted: readonly Wanted[]
  /** By key; undefined: nothing is known of the incident, as of one that was found. */
  readonly remembered: Readonly<Record<string, unknown>>
  readonly row: Row
  readonly fields: Fields | undefined
  readonly policyOf: (key: string) => FieldPolicy
}

/** Theirs, where nothing is configured: what analysts work with. */
export const analystFields: ReadonlySet<string> = new Set(['name', 'description', 'severity_code'])

/** By the name of the field, with or without `properties.`. */
export function policiesOf(settings: Pick<IbmSoarSettings, 'fieldPolicy'>): (key: string) => FieldPolicy {
  const configured = new Map(Object.entries(settings.fieldPolicy))
  return (key) => {
    const name = key.slice(key.indexOf('.') + 1)
    return configured.get(key) ?? configured.get(name) ?? (analystFields.has(key) ? 'sink_wins' : 'ctp_wins')
  }
}

/**
 * A field is written where the ticket changed it and the incident does not have the new value yet. Where the incident
 * has a third value, somebody edited it there: the policy says whose stays. It is told once, not at every change.
 */
export function merge({ wanted, remembered, row, fields, policyOf }: MergeOptions): Merged {
  const changes: FieldChange[] = []
  const events: Applied['events'][number][] = []
  const memory: Record<string, unknown> = { ...remembered }
  // Of an incident that was found, any value may be an older one of the ticket.
  const isFound = Object.keys(remembered).length === 0
  for (const { key, given, wire } of wanted) {
    const field = fields?.get(key)
    const isKnown = Object.hasOwn(remembered, key)
    const last = remembered[key]
    memory[key] = given
    if (isKnown && isSame(field, last, wire)) continue
    const theirs = valueIn(row, key)
    if (isSame(field, theirs, wire)) continue
    const isEdited = isKnown ? !isSame(field, theirs, last) : !isEmpty(theirs)
    const words = `${key}: ours ${excerpt(wire)}, theirs ${excerpt(theirs)}`
    if (isEdited && policyOf(key) === 'sink_wins') {
      events.push({ kind: 'kept', detail: `${words}; theirs was kept` })
      continue
    }
    if (isEdited && !isFound) events.push({ kind: 'overwritten', detail: `${words}; ours was written` })
    changes.push({ field: key.slice(key.indexOf('.') + 1), from: theirs ?? null, to: wire })
  }
  return { changes, events, fields: memory }
}
