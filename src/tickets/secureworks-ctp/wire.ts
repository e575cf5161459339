/** What goes to the CTP ticket API and how its values are read, as the README has it: addresses, bodies, ids. Pure. */
import { isRawNumber } from '../../model/exact-number.ts'

export const service = 'secureworks-ctp'

/** @param baseUrl with the path of the API, `/api/ticket/v3` @returns that path, without a final slash */
export function basePath(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/(?<!\/)\/+$/, '')
}

/** `INCIDENT:SECURITY`, as the settings name what is asked for. */
export interface Queue {
  readonly ticketType: string
  readonly groupingType: string
}

/** @throws Error for what the settings don't take */
export function queueOf(name: string): Queue {
  const [ticketType = '', groupingType = '', ...rest] = name.split(':')
  if (ticketType !== '' && groupingType !== '' && rest.length === 0) return { ticketType, groupingType }
  throw new Error(`no queue ${JSON.stringify(name)}`)
}

/** Everything stands in the address; the body is empty. */
export function updatesPath(base: string, { ticketType, groupingType }: Queue, limit: number): string {
  return `${base}/tickets/updates?${new URLSearchParams({ ticketType, limit: String(limit), groupingType })}`
}

export function countPath(base: string, ticketType: string): string {
  return `${base}/tickets/count?${new URLSearchParams({ ticketType })}`
}

export function ticketPath(base: string, ticketId: string, ...parts: readonly string[]): string {
  // Half a character can't be encoded; no ticket is called so.
  const encoded = [ticketId, ...parts].map((part) => encodeURIComponent(part.toWellFormed()))
  return `${base}/tickets/${encoded.join('/')}`
}

/** Whether a ticket can be asked for by this id: the others would be another address. */
export function isAddressable(id: string): boolean {
  return id !== '' && id !== '.' && id !== '..'
}

/** Ids come as text, in other products of the kind as numbers too. @returns undefined for what is neither */
export function idText(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  return isRawNumber(value) ? value.rawJSON : undefined
}

/** For people: `a number`. */
export function likeness(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (value === '') return 'an empty text'
  if (isRawNumber(value)) return 'a number'
  const words: Readonly<Record<string, string>> = {
    string: 'a text',
    object: 'an object',
    boolean: 'a boolean',
  }
  return words[typeof value] ?? `a ${typeof value}`
}
