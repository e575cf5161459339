/** The JSON of STIX objects. */
import type { TlpVersion } from './markings.ts'

/**
 * An object whose version is not yet decided: `head`, `modified`, `tail` one after the other are its JSON. Without
 * `modified` (marking definitions) all of it is `head`. ASCII only: what is not is escaped, so that a page of them is
 * passed on without being decoded.
 */
export interface StixObject {
  /** `TYPE--UUID`. */
  readonly id: string
  readonly type: string
  readonly head: string
  /** Begins with the quotation mark that ends `modified`; empty: not versioned. */
  readonly tail: string
  /** For consumers of this version of the Traffic Light Protocol alone. */
  readonly tlp?: TlpVersion
}

/** The whole object. @param modified RFC 3339 */
export function stixJson({ head, tail }: StixObject, modified: string): string {
  return tail === '' ? head : head + withMilliseconds(modified) + tail
}

/** STIX wants exactly three digits. @param time as the model or the store has it */
export function withMilliseconds(time: string): string {
  const fraction = /\.(\d+)Z$/.exec(time)?.[1] ?? ''
  return `${time.slice(0, 19)}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}

/** An object that has no versions. */
export function unversioned(object: { readonly id: string; readonly type: string }): StixObject {
  return { id: object.id, type: object.type, head: asciiJson(object), tail: '' }
}

interface Head {
  readonly type: string
  readonly id: string
  readonly createdBy: string | undefined
  readonly created: string
}

/** @param members those that stand behind `modified` */
export function versioned({ type, id, createdBy, created }: Head, members: object): StixObject {
  const before = {
    type,
    spec_version: '2.1',
    id,
    ...(createdBy !== undefined && { created_by_ref: createdBy }),
    created,
  }
  return {
    id,
    type,
    head: `${asciiJson(before).slice(0, -1)},"modified":"`,
    tail: `",${asciiJson(members).slice(1)}`,
  }
}

function asciiJson(value: object): string {
  return JSON.stringify(value).replaceAll(/[\x7f-\uffff]/g, escaped)
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
