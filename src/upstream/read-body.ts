/** Reads an answer's body: bytes, decompressed, never more than allowed. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createUnzip } from 'node:zlib'
import type { Request } from 'got'

export interface ReadOptions {
  /** Of the decompressed body. */
  readonly maxBytes: number
  /** For all of it: got's own limit does not end the wait for a free connection or for a proxy. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Called when the answer's head arrived. */
  onHead(head: { readonly status: number; readonly headers: IncomingHttpHeaders }): void
  /** Makes the error for an answer that can't be taken. */
  refuse(why: string): Error
}

/** zlib's own 16 KiB cost a page of 1.4 MB more than twice the time. */
const decodedChunkBytes = 256 * 1024

/**
 * The connection goes back to its pool after a whole answer and ends at once with anything else: a body that is
 * too large is not read on.
 * @throws what `stream` or the decompression fails with, as it is; what `refuse` makes; the signal's reason
 */
export function readBody(stream: Request, options: ReadOptions): Promise<Buffer> {
  const { maxBytes, timeoutMs, signal, onHead, refuse } = options
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    // Where the length is known, chunks are let go as they come.
    let whole: Buffer | undefined
    let size = 0
    let decoder: Transform | undefined
    const end = () => {
      clearTimeout(limit)
      signal?.removeEventListener('abort', abort)
      stream.destroy()
      decoder?.destroy()
    }
    const fail = (error: unknown) => {
      end()
      reject(error)
    }
    const abort = () => fail(signal?.reason)
    const done = () => {
      end()
      resolve(whole?.subarray(0, size) ?? Buffer.concat(chunks, size))
    }
    const tooLarge = () => fail(refuse(`sent more than ${maxBytes} bytes`))
    const take = (chunk: Buffer) => {
      const start = size
      size += chunk.length
      if (size > maxBytes) tooLarge()
      else if (whole === undefined) chunks.push(chunk)
      else chunk.copy(whole, start)
    }
    const limit = setTimeout(
      () =>
        fail(Object.assign(new Error('the request took too long'), { code: 'ETIMEDOUT', event: 'request' })),
      timeoutMs,
    )
    signal?.addEventListener('abort', abort)
    stream.on('error', fail)
    stream.once('response', (response) => {
      const { headers, statusCode } = response
      onHead({ status: statusCode, headers })
      const length = Number(headers['content-length'])
      if (length > maxBytes) return tooLarge()
      const coding = headers['content-encoding']?.trim().toLowerCase() ?? ''
      decoder = decoderOf(coding)
      if (decoder !== undefined) return decode(stream, decoder, { take, done, fail })
      if (coding !== '' && coding !== 'identity') {
        return fail(refuse(`sent a body in the encoding "${coding.slice(0, 40)}", which was not asked for`))
      }
      if (Number.isSafeInteger(length)) whole = Buffer.allocUnsafeSlow(length)
      stream.on('data', take)
      stream.once('end', done)
    })
  })
}

/**
 * Frees a body that nobody will look at again. A page lives too long for the collector's quick looks, and tens of
 * megabytes of them make it take the thorough one: a quarter of those are saved.
 * @param body is empty afterwards
 */
export function letGo({ buffer, length }: Buffer): void {
  // Small ones share their memory with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

function decoderOf(coding: string): Transform | undefined {
  if (coding === 'br') return createBrotliDecompress({ chunkSize: decodedChunkBytes })
  const zlib = coding === 'gzip' || coding === 'x-gzip' || coding === 'deflate'
  return zlib ? createUnzip({ chunkSize: decodedChunkBytes }) : undefined
}

/** Done when both have ended: a decoder may be content while bytes that were announced are missing. */
function decode(
  stream: Request,
  decoder: Transform,
  on: { take(chunk: Buffer): void; done(): void; fail(error: unknown): void },
): void {
  let open = 2
  let encodedBytes = 0
  const ended = () => {
    open -= 1
    if (open === 0) on.done()
  }
  decoder.on('data', on.take)
  decoder.once('end', ended)
  decoder.once('error', (error) => {
    // No body at all, though its encoding is announced: 204, 304 and empty errors come so.
    if (encodedBytes === 0) on.done()
    else on.fail(error)
  })
  stream.on('data', (chunk: Buffer) => {
    encodedBytes += chunk.length
  })
  stream.once('end', ended)
  stream.pipe(decoder)
}
