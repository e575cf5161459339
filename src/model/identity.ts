/** The id of an indicator. */
import { hash } from 'node:crypto'
import type { IndicatorType } from './indicator.ts'

/** Ours, never to change: every id ever published is derived from it. */
export const indicatorNamespace = '696e6469-6361-54c3-a96f-72733a667331'

/** The bytes of the namespace are UTF-8, so that one string can be hashed and no buffer is filled. */
const namespaceText = Buffer.from(indicatorNamespace.replaceAll('-', ''), 'hex').toString()

/**
 * `indicator--` and the UUID v5 (RFC 9562) of `type NUL value`, for custom types of `custom:NAME NUL value`: the
 * same for the same indicator at every server.
 * @param value canonical
 */
export function indicatorId(type: IndicatorType, value: string, customType?: string): string {
  const name = type === 'custom' ? `custom:${customType ?? ''}` : type
  return `indicator--${uuidV5(`${name}\0${value}`)}`
}

/** UUID v5 (RFC 9562) of a name in our namespace. */
export function uuidV5(name: string): string {
  const hex = hash('sha1', namespaceText + name, 'hex')
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
