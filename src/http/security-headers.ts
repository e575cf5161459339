/** Headers that tell browsers to run nothing that is not ours. */
import helmet from '@fastify/helmet'
import type { App } from './app.ts'

/** @param publicUrl HSTS and the upgrade of http links only where the outside sees https */
export async function securityHeaders(app: App, publicUrl: string | undefined): Promise<void> {
  const https = publicUrl?.startsWith('https://') === true
  await app.register(helmet, {
    contentSecurityPolicy: {
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
        ...(https && { upgradeInsecureRequests: [] }),
      },
    },
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  })
}
