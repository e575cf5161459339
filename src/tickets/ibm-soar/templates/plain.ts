/** Values on their way into a template and out of it. */
import { deepestRecord, isDeeper } from '../../../model/depth.ts'
import { TemplateError } from './template-error.ts'

/** What a template sees, by name. */
export type TemplateContext = Readonly<Record<string, unknown>>

/**
 * What the templates of a ticket see: each member of the ticket by its name, the whole ticket as `ticket`, and the
 * `extras` (`now`, `closeCode`, `note`, …), which win. Members that are null are left out at every depth, so that
 * absent and null are one thing: undefined, an empty text where it is written.
 */
export function ticketContext(ticket: TemplateContext, extras: TemplateContext = {}): TemplateContext {
  if (isDeeper(ticket, deepestRecord))
    throw new TemplateError('of the ticket', [
      { message: `the ticket is nested deeper than ${deepestRecord} levels` },
    ])
  const present = withoutNulls(ticket)
  return { ...present, ticket: present, ...withoutNulls(extras) }
}

function withoutNulls(value: TemplateContext): TemplateContext {
  const present = (member: unknown): unknown => {
    if (Array.isArray(member)) return member.map(present)
    return typeof member === 'object' && member !== null ? withoutNulls(member as TemplateContext) : member
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) =>
      member === null || member === undefined ? [] : [[name, present(member)]],
    ),
  )
}

/** Every text in it replaced, names of members left alone. */
export function withTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => withTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withTexts(member, change)]))
}

/** A value of the engine, whose objects are Maps, as JSON has it; undefined stays, everywhere. */
export function plainValue(value: unknown): unknown {
  if (value === null) return undefined
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, member]) => [String(name), plainValue(member)]))
  if (Array.isArray(value)) return value.map(plainValue)
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** Members and elements that are absent left out. @throws Error for a number that JSON does not have */
export function jsonValue(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new Error(`it gives ${value}, which JSON does not have`)
  if (typeof value === 'bigint')
    throw new Error('it gives a whole number with more digits than JSON readers keep')
  if (Array.isArray(value)) return value.filter((item) => item !== undefined).map(jsonValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) =>
      member === undefined ? [] : [[name, jsonValue(member)]],
    ),
  )
}
