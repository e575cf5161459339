/** What the ledger remembers of the last accepted upsert: enough to know that another one would change nothing. */
import { hash } from 'node:crypto'
import type { Delivery, Exporter } from '../../exporters/exporter.ts'

/** The same for the same content at the product, and only then. */
export function contentHash(
  exporter: Pick<Exporter, 'content'>,
  delivery: Pick<Delivery, 'indicator' | 'options'>,
): string {
  return hash('sha256', exporter.content(delivery), 'base64url')
}
