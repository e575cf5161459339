/** Proves to a receiver that a post is ours and fresh. */
import { createHmac } from 'node:crypto'

/**
 * @param seconds since the epoch
 * @param body exactly as sent; may hold a file of many megabytes, which the runtime's own HMAC takes in its stride
 * @returns the value of `X-Signature`: HMAC-SHA256 of `SECONDS.BODY`, hexadecimal
 */
export function signatureOf(secret: string, seconds: number, body: string): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')
  return `t=${seconds},v1=${digest}`
}
