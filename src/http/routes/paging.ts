/** Lists that are read page by page: what they take, what they answer, and where the next page is. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type, { type TSchema } from 'typebox'
import { answer, Nullable } from '../schema.ts'

interface PageSizes {
  readonly maximum?: number
  /** Where a request says nothing. */
  readonly usual?: number
  readonly example?: number
}

/** How many a page has at the most. */
export function pageLimit(description: string, { maximum = 1000, usual = 100, example }: PageSizes = {}) {
  return Type.Optional(
    Type.Integer({ minimum: 1, maximum, default: usual, description, examples: [example ?? usual] }),
  )
}

export function textCursor(maxLength = 64) {
  return Type.Optional(
    Type.String({
      maxLength,
      description: '`next` of the page before; without it, the first page.',
      examples: [''],
    }),
  )
}

export const numberCursor = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: '`next` of the page before.',
    examples: [0],
  }),
)

/** The members of a page beside its `data`. */
export const pageMembers = {
  next: Nullable(Type.String(), { description: '`cursor` of the next page; null: there is none.' }),
  links: Type.Object({ next: Nullable(Type.String(), { description: 'Address of the next page.' }) }),
}

/** @param address an example of that of the next page */
export function linkHeader(address = '/api/v1/exports?cursor=5f0c6c5e-8f0c-4d6a-9a57-0d6c1f0c2b1a') {
  return {
    Link: {
      type: 'string',
      description: 'Address of the next page, with `rel="next"`; absent on the last one.',
      examples: [`<${address}>; rel="next"`],
    },
  } as const
}

/** A page of a list, as it is documented. */
export function pageAnswer(description: string, data: TSchema, example: readonly unknown[]) {
  const schema = Type.Object({ data, ...pageMembers })
  return answer(
    description,
    schema,
    { data: example, next: null, links: { next: null } },
    { headers: linkHeader() },
  )
}

/**
 * What belongs on the page, and the cursor of the next one.
 * @param found one more than belongs on the page, where there are as many
 */
export function firstOf<T>(
  found: readonly T[],
  limit: number,
  cursorOf: (last: T) => string,
): { readonly page: readonly T[]; readonly next: string | null } {
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return { page, next: found.length > limit && last !== undefined ? cursorOf(last) : null }
}

/**
 * Tells where the next page is, in the header `Link` too.
 * @param next its cursor; null: there is none
 * @returns the members of `pageMembers`
 */
export function pageEnd(
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string | undefined,
  next: string | null,
) {
  const link = next === null ? null : addressWith(request, publicUrl, next)
  if (link !== null) reply.header('link', `<${link}>; rel="next"`)
  return { next, links: { next: link } }
}

/** Of the same request with another cursor; without a public address, on the one that the client used. */
function addressWith(request: FastifyRequest, publicUrl: string | undefined, cursor: string): string {
  const [path = '', query = ''] = request.url.split(/\?(.*)/s)
  const search = new URLSearchParams(query)
  search.set('cursor', cursor)
  // HTTP/1.0 may come without a Host.
  const here = request.host === '' ? '' : `${request.protocol}://${request.host}`
  return `${publicUrl ?? here}${path}?${search}`
}
