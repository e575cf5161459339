/** What a route is given and what it must declare. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { RouteScope } from './auth.ts'
import type { Failure } from './problem.ts'

/** Fastify, with request types read from TypeBox schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/**
 * What a request to the route is called in the audit log, `sources.fetch`; false: it changes nothing. A function where
 * that depends on the request, whose body may be anything when it was refused.
 */
type AuditRule = string | false | ((request: FastifyRequest) => string | false)

/** Adds the routes of one resource; its hooks and schemas stay its own. */
export type RoutePlugin = (app: App) => void | Promise<void>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The start fails with the names of the routes that have none. */
    scope: RouteScope
    /** Of a method that may change something, declared or the start fails: what the audit log calls it, or false. */
    audit?: AuditRule
    /** Text in the JSON body is read as in a query: numbers, booleans, comma-separated lists. */
    lenientBody?: boolean
    /** Takes any query parameter and looks at none. */
    anyQuery?: boolean
    /** Its log lines are at debug level unless it fails. */
    quiet?: boolean
  }
  interface FastifyInstance {
    /** Aborted when a stop has waited long enough: its reason is what requests under way are answered with. */
    ending: AbortController
  }
  interface FastifyRequest {
    /** What the route declares, and its address. `routeOptions` says the same, in an object made anew at each look. */
    route: (FastifyContextConfig & { readonly url?: string }) | null
    /** The id of the API key; null where none was needed. */
    key: string | null
    /** What the key may do; empty on public routes. */
    scopes: readonly string[]
    /** Why the request failed, for the log. */
    failure: Failure | null
    /** Of the client, as `ip` at the beginning: that one is gone with the connection. At most 200 characters. */
    address: string
    /** Bytes that the connection had sent before this request. */
    bytesBefore: number
  }
}
