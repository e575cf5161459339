/** Bytes made once and sent often, with a strong ETag from the content. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface Prebuilt {
  readonly bytes: Buffer
  readonly mediaType: string
  readonly etag: string
}

export function prebuilt(content: string | Buffer, mediaType: string): Prebuilt {
  const bytes = Buffer.from(content)
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`
  return { bytes, mediaType, etag }
}

/** Whether `If-None-Match` names the ETag; weak and strong are the same there (RFC 9110, 13.1.2). */
export function isFresh(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}

/** 200 with the bytes, or 304. The client asks again each time. */
export function sendPrebuilt(request: FastifyRequest, reply: FastifyReply, asset: Prebuilt): FastifyReply {
  reply.headers({ etag: asset.etag, 'cache-control': 'no-cache' })
  if (isFresh(request.headers['if-none-match'], asset.etag)) return reply.code(304).send()
  return reply.header('content-type', asset.mediaType).send(asset.bytes)
}
