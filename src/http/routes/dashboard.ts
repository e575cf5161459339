/** The dashboard: its page at `/` and the files that it loads. What it shows comes from the API, with the user's key. */
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { ServiceError } from '../../errors.ts'
import type { Encoding } from '../../store/feed-store.ts'
import { webFiles } from '../../web/files.ts'
import type { App } from '../app.ts'
import { type Prebuilt, prebuilt, sendPrebuilt } from '../prebuilt.ts'
import { chooseEncoding } from './feeds-encoding.ts'

export interface DashboardOptions {
  /** Whether the server has API keys: the page then asks for one at once, without a request that must fail. */
  readonly signIn: boolean
}

type Encoded = Readonly<Record<Encoding, Prebuilt>>

/** Only files that were there at the start are served. */
export async function dashboardRoutes(app: App, { signIn }: DashboardOptions): Promise<void> {
  const assets = new Map(
    webFiles().map(({ name, bytes, mediaType }) => {
      const content = name === page ? pageFor(bytes, signIn) : bytes
      return [name, once(() => encoded(content, mediaType))] as const
    }),
  )
  const send = async (request: FastifyRequest, reply: FastifyReply, name: string) => {
    const asset = await assets.get(name)?.()
    if (asset === undefined) throw new ServiceError('ROUTE_UNKNOWN', `there is nothing at /assets/${name}`)
    const sizes = { identity: size(asset.identity), gzip: size(asset.gzip), br: size(asset.br) }
    const encoding = chooseEncoding(request.headers['accept-encoding'], sizes)
    reply.header('vary', 'Accept-Encoding')
    if (encoding !== 'identity') reply.header('content-encoding', encoding)
    return sendPrebuilt(request, reply, asset[encoding])
  }
  const hidden = { scope: 'public', anyQuery: true, quiet: true } as const
  app.get('/', { config: hidden, schema: { hide: true } }, (request, reply) => send(request, reply, page))
  app.get(
    '/assets/:file',
    { config: hidden, schema: { hide: true, params: Type.Object({ file: Type.String() }) } },
    (request, reply) => send(request, reply, request.params.file),
  )
}

const page = 'index.html'

/** @throws Error when the page lacks the place for it */
function pageFor(bytes: Buffer, signIn: boolean): string {
  const text = bytes.toString('utf8')
  const place = '<meta name="sign-in" content="needed" />'
  if (!text.includes(place)) throw new Error(`${page} has no ${place}`)
  return signIn ? text : text.replace(place, '<meta name="sign-in" content="none" />')
}

function size({ bytes }: Prebuilt): number {
  return bytes.length
}

async function encoded(content: string | Buffer, mediaType: string): Promise<Encoded> {
  const identity = prebuilt(content, mediaType)
  const [zipped, brotli] = await Promise.all([
    promisify(gzip)(identity.bytes),
    promisify(brotliCompress)(identity.bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 7 } }),
  ])
  return { identity, gzip: prebuilt(zipped, mediaType), br: prebuilt(brotli, mediaType) }
}

/** Made when it is first asked for: most servers of a test never are. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
