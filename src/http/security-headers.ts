/** Headers that tell browsers to run nothing that is not ours. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'
import type { App } from './app.ts'

type Directives = Readonly<Record<string, string[]>>

/** @param further directives beside those that hold everywhere */
function contentSecurityPolicy(publicUrl: string | undefined, further: Directives = {}) {
  return {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      // Icons of Swagger UI stand in its style sheet as data.
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
      ...(isHttps(publicUrl) && { upgradeInsecureRequests: [] }),
      ...further,
    },
  }
}

function isHttps(publicUrl: string | undefined): boolean {
  return publicUrl?.startsWith('https://') === true
}

/** The one style element that Swagger UI makes, by its content: another version may have another. */
const swaggerUiStyle = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"

type Headers = Readonly<Record<string, string>>

/** What helmet would set on each answer: it depends on no request, so it is made once. */
export function fixedHeaders(publicUrl: string | undefined, further?: Directives): Headers {
  const headers: Record<string, string> = {}
  const response = {
    setHeader(name: string, value: string) {
      headers[name.toLowerCase()] = value
    },
    removeHeader() {},
  } as unknown as ServerResponse
  const set = helmet({
    contentSecurityPolicy: contentSecurityPolicy(publicUrl, further),
    strictTransportSecurity: isHttps(publicUrl) ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  })
  set({} as IncomingMessage, response, (error) => {
    if (error !== undefined) throw error
  })
  return headers
}

/** @param publicUrl HSTS and the upgrade of http links only where the outside sees https */
export function securityHeaders(app: App, publicUrl: string | undefined): void {
  setOnAll(app, fixedHeaders(publicUrl))
}

/** For the routes of Swagger UI, in place of those that hold everywhere. */
export function swaggerUiHeaders(app: App, publicUrl: string | undefined): void {
  setOnAll(app, fixedHeaders(publicUrl, { styleSrc: ["'self'", swaggerUiStyle] }))
}

function setOnAll(app: App, headers: Headers): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}
