/** One request of the trial, and how it is made from what is right for its operation. */
import type { Description, Operation } from './document.ts'

export interface Case {
  readonly operation: Operation
  readonly what: string
  readonly method: string
  /** Path and query, as they go over the wire. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** The statuses that it may have; `2xx`: it is carried out; `understood`: it is not 400; undefined: any that is documented. */
  readonly expect?: readonly number[] | '2xx' | 'understood'
  /** Of 405: the methods that `Allow` names. */
  readonly allow?: string
  /** The address only looks like that of the operation: it may lead to nothing. */
  readonly beside?: true
  /** The vendors do not answer: it may be 502, 503 or 504 where that is documented. */
  readonly vendorsAway?: true
}

/** Values of parameters that lead somewhere. */
export interface Known {
  /** Of a parameter in the path of an operation. */
  path(operation: Operation, name: string): string
  /** Of what an operation can't do without. */
  query(operation: Operation, name: string): string | undefined
  /** One that is carried out. */
  body(operation: Operation): unknown
  /** Of a right request, where something else than the request can refuse it. */
  outcome(operation: Operation): readonly number[] | '2xx'
}

export type Resolve = Description['resolve']

export interface Change {
  readonly what: string
  readonly path?: Readonly<Record<string, string>>
  /** As it goes over the wire; the parameters of the same name are left out. */
  readonly query?: { readonly name: string; readonly text: string }
  readonly headers?: Readonly<Record<string, string>>
  /** null: none. */
  readonly body?: string | Buffer | null
  readonly expect?: Case['expect']
}

export type Make = (change: Change) => Case

/** @returns what makes a right request, but for one change */
export function maker(operation: Operation, known: Known): Make {
  const needed = operation.parameters.flatMap(({ in: place, name }) => {
    const text = place === 'query' ? known.query(operation, name) : undefined
    return text === undefined ? [] : [{ name, text: `${name}=${encodeURIComponent(text)}` }]
  })
  const usual = operation.body && JSON.stringify(known.body(operation))
  return ({ what, path = {}, query, headers = {}, body = usual, expect }) => {
    const place = operation.path.replaceAll(
      /\{(\w+)\}/g,
      (_, name: string) => path[name] ?? encodeURIComponent(known.path(operation, name)),
    )
    const texts = [
      ...needed.flatMap(({ name, text }) => (name === query?.name ? [] : [text])),
      ...(query === undefined || query.text === '' ? [] : [query.text]),
    ]
    return {
      ...{ operation, what, method: operation.method },
      target: texts.length === 0 ? place : `${place}?${texts.join('&')}`,
      headers: {
        ...(typeof body === 'string' || Buffer.isBuffer(body) ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body !== null && body !== undefined && { body }),
      ...(expect !== undefined && { expect }),
    }
  }
}
