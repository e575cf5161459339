/**
 * The STIX pattern of a value: STIX 2.1, section 9, with the object paths of section 6. One pair of brackets without OR:
 * XSOAR's TAXII feed passes over patterns that are joined by it.
 */
import type { IndicatorType } from '../../model/indicator.ts'
import { registryValueOf } from '../../model/registry-value.ts'

/** As the hashing-algorithm vocabulary of STIX spells them. */
const hashNames = { md5: 'MD5', sha1: 'SHA-1', sha256: 'SHA-256' } as const
export type HashName = keyof typeof hashNames

const hashByLength: Readonly<Record<number, HashName>> = { 32: 'md5', 40: 'sha1', 64: 'sha256' }

/** Told by its length; undefined where the text is no lower-case MD5, SHA-1 or SHA-256. */
function hashNameOf(value: string): HashName | undefined {
  return /^[0-9a-f]+$/.test(value) ? hashByLength[value.length] : undefined
}

/** Only these two may stand behind a backslash: everything else is a syntax error. */
function literal(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}

export function hashPattern(name: HashName, value: string): string {
  const path = name === 'md5' ? 'MD5' : `'${hashNames[name]}'`
  return `[file:hashes.${path} = ${literal(value)}]`
}

/**
 * Blanks would be lost in XSOAR, which removes all of them from a pattern, and a `url` of STIX is one of RFC 3986;
 * everything that is printable ASCII stays as it is.
 */
function encodedUrl(url: string): string {
  return url.replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent)
}

type ToPattern = (value: string) => string | undefined

const patterns: Readonly<Partial<Record<IndicatorType, ToPattern>>> = {
  ipv4: (value) => `[ipv4-addr:value = ${literal(value)}]`,
  ipv6: (value) => `[ipv6-addr:value = ${literal(value)}]`,
  // Not `=`: XSOAR reads that as a single address of type IP, and ISSUBSET is what the specification means.
  cidr: (value) => `[${value.includes(':') ? 'ipv6' : 'ipv4'}-addr:value ISSUBSET ${literal(value)}]`,
  domain: (value) => `[domain-name:value = ${literal(value)}]`,
  url: (value) => `[url:value = ${literal(encodedUrl(value))}]`,
  email: (value) => `[email-addr:value = ${literal(value)}]`,
  file(value) {
    const name = hashNameOf(value)
    return name === undefined ? undefined : hashPattern(name, value)
  },
  asn(value) {
    const number = /^AS(\d+)$/.exec(value)?.[1]
    return number === undefined ? undefined : `[autonomous-system:number = ${number}]`
  },
  mutex: (value) => `[mutex:name = ${literal(value)}]`,
  'registry-key'(value) {
    const { key, name } = registryValueOf(value)
    const named = name === undefined ? '' : ` AND windows-registry-key:values[*].name = ${literal(name)}`
    return `[windows-registry-key:key = ${literal(key)}${named}]`
  },
  'user-agent': (value) =>
    `[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = ${literal(value)}]`,
  'email-subject': (value) => `[email-message:subject = ${literal(value)}]`,
}

/** Types that STIX has an observable object for. */
export const patternTypes = Object.keys(patterns) as readonly IndicatorType[]

/** @returns undefined where STIX has no object for values of this type, or none of this value */
export function stixPattern(type: IndicatorType, value: string): string | undefined {
  return patterns[type]?.(value)
}
