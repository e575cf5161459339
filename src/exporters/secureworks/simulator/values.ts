/** What the simulator takes for a value of each type. The product's own rules and words are not published. */
import { isIPv4, isIPv6 } from 'node:net'
import type { NewRow } from './rows.ts'

const hashLengths: Readonly<Record<string, number>> = { md5: 32, sha1: 40, sha256: 64 }

/** @returns why it is rejected; undefined: it is taken */
export function valueFault({ object_type, object_subtype, value }: NewRow): string | undefined {
  switch (object_type) {
    case 'ip': {
      const type = isIPv4(value) ? 'ipv4' : isIPv6(value) ? 'ipv6' : undefined
      if (type === undefined) return 'invalid ip address'
      return object_subtype && object_subtype !== type
        ? `not an address of type ${object_subtype}`
        : undefined
    }
    case 'hash': {
      const type = Object.keys(hashLengths).find((name) => hashLengths[name] === value.length)
      if (type === undefined || !/^[0-9a-f]+$/i.test(value)) return 'invalid hash'
      return object_subtype && object_subtype !== type ? `not a hash of type ${object_subtype}` : undefined
    }
    case 'domain':
      return /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/i.test(value)
        ? undefined
        : 'invalid domain name'
    default:
      // Lax: the documentation's own sample ends in a bracket.
      return value === '' || /\s/.test(value) ? 'invalid url' : undefined
  }
}
