/**
 * Darktrace's HMAC: hex(HMAC-SHA1(private token, request "\n" public token "\n" date)), without a line end after the
 * date. The request is the path with what was sent after a "?": the query of a GET, the body of a POST, byte for byte.
 * Source: README, section "Signing".
 */
import Hex from 'crypto-js/enc-hex.js'
import hmacSha1 from 'crypto-js/hmac-sha1.js'

export interface SignedParts {
  /** `/intelfeed?source=x`, or `/intelfeed?{"addlist":"…"}`; ASCII. */
  readonly request: string
  readonly publicToken: string
  /** As in the header DTAPI-Date. */
  readonly date: string
}

/** @returns 40 lower-case hexadecimal digits */
export function signature(privateToken: string, { request, publicToken, date }: SignedParts): string {
  return Hex.stringify(hmacSha1(`${request}\n${publicToken}\n${date}`, privateToken))
}
