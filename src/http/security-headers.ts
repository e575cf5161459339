/** Headers that tell browsers to run nothing that is not ours. */
import helmet from '@fastify/helmet'
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

/** For the configuration of the routes of Swagger UI. */
export function swaggerUiHeaders(publicUrl: string | undefined) {
  const policy = contentSecurityPolicy(publicUrl, { styleSrc: ["'self'", swaggerUiStyle] })
  return { helmet: { contentSecurityPolicy: policy } }
}

/** @param publicUrl HSTS and the upgrade of http links only where the outside sees https */
export async function securityHeaders(app: App, publicUrl: string | undefined): Promise<void> {
  const https = isHttps(publicUrl)
  await app.register(helmet, {
    contentSecurityPolicy: contentSecurityPolicy(publicUrl),
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  })
}
