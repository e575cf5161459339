/**
 * ThreatConnect's HMAC: base64(HMAC-SHA256(secret key, "path?query:METHOD:timestamp")), the path and query exactly
 * as they go on the wire, the timestamp in Unix seconds within five minutes of the server's clock. No body is
 * signed. Source: README, section "Signing".
 */
import Base64 from 'crypto-js/enc-base64.js'
import hmacSha256 from 'crypto-js/hmac-sha256.js'

export interface SignedParts {
  /** Percent-encoded, with its query. */
  readonly path: string
  readonly method: string
  /** Unix seconds. */
  readonly timestamp: number
}

/** @returns base64, 44 characters */
export function signature(secretKey: string, { path, method, timestamp }: SignedParts): string {
  return Base64.stringify(hmacSha256(`${path}:${method}:${timestamp}`, secretKey))
}
