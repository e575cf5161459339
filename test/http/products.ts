/** Products in memory as configured exporters, for what goes between HTTP and the store. */
import Type from 'typebox'
import type { Delivery, Exporter } from '../../src/exporters/exporter.ts'
import type { IndicatorType } from '../../src/model/indicator.ts'
import type { Destination } from '../../src/pipeline/exports/destination.ts'
import type { PushTarget } from '../../src/pipeline/exports/exports.ts'
import type { Sending } from '../app.ts'
import { createProduct, type Product } from '../pipeline/exports/product.ts'

const accepts: readonly IndicatorType[] = ['ipv4', 'ipv6', 'cidr', 'domain', 'file']

const options = Type.Object({
  source: Type.Optional(Type.String({ minLength: 1, description: 'Name of the source.' })),
  expireAfterDays: Type.Optional(Type.Integer({ minimum: 0, maximum: 3650, description: 'Days.' })),
})

export interface Named {
  readonly product: Product
  readonly target: PushTarget
  readonly destination: Destination
}

/** Two deliveries are one batch. */
export function named(name: string, more: Partial<Exporter> = {}): Named {
  const product = createProduct({ now: Date.now, bad: ['bad.example'] })
  const exporter: Exporter = Object.assign(product, {
    preview: (batch: readonly Delivery[]) => [
      {
        method: 'POST',
        url: `https://${name}.example/entries`,
        headers: { 'content-type': 'application/json' },
        body: batch.map(({ action, indicator }) => `${action} ${indicator.value}`),
      },
    ],
    ...more,
  })
  const parts = { name, exporter, forward: null }
  return {
    product,
    target: { ...parts, definition: { kind: 'memory', accepts, maxBatch: 1000, options }, objectsPerRun: 2 },
    destination: {
      ...parts,
      kind: 'memory',
      accepts,
      maxBatch: 2,
      concurrency: 1,
      retry: { attempts: 2, initialMs: 10, maxMs: 20 },
      throttledMs: 0,
      maxRemovalShare: 1,
    },
  }
}

export function sending(...all: readonly Named[]): Sending {
  return {
    targets: all.map(({ target }) => target),
    destinations: all.map(({ destination }) => destination),
    close: () => {},
  }
}

/** An API key whose secret is `secret-of-ID`. */
export function secretOf(id: string): string {
  return `secret-of-${id}`
}

/** Of an answer. */
export interface Json {
  readonly [name: string]: unknown
}

/** `exporters` of a configuration whose keys name them; what they send to stands in for the products. */
export const configuredExporters = [
  { kind: 'darktrace', settings: { host: '127.0.0.1', publicToken: 'p', privateToken: 'q' } },
  { kind: 'cofense', settings: { baseUrl: 'http://127.0.0.1', clientId: 'i', clientSecret: 's' } },
]
