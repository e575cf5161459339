/** A short-lived token of a product's own login, asked for once for all who need it, and again when it is refused. */
import { UpstreamError } from '../errors.ts'

export interface AccessToken {
  readonly value: string
  /** Milliseconds since the epoch: not used any more from then on. */
  readonly expiresAt: number
}

export interface AccessTokenOptions {
  /** One request to the product's token endpoint. @throws UpstreamError */
  readonly request: () => Promise<AccessToken>
  /** Milliseconds since the epoch. */
  now(): number
}

export interface AccessTokens {
  /**
   * Calls `send` with a token; when the product answers 401, once more with a new one.
   * @throws UpstreamError what the login or the second try fails with; the signal's reason when it ends the wait
   */
  authorized<T>(send: (token: string) => Promise<T>, signal: AbortSignal): Promise<T>
}

/** How long before its end a token is no longer used: requests under way need time too. */
export const tokenMarginMs = 60_000

export function accessTokens({ request, now }: AccessTokenOptions): AccessTokens {
  let token: AccessToken | undefined
  let asking: Promise<AccessToken> | undefined

  const ask = async () => {
    try {
      token = await request()
      return token
    } finally {
      asking = undefined
    }
  }
  const current = async (signal: AbortSignal): Promise<AccessToken> => {
    signal.throwIfAborted()
    if (token !== undefined && now() < token.expiresAt) return token
    // Nobody's abort ends it for the others.
    asking ??= ask()
    return untilAborted(asking, signal)
  }
  return {
    async authorized(send, signal) {
      const first = await current(signal)
      try {
        return await send(first.value)
      } catch (error) {
        if (!(error instanceof UpstreamError && error.kind === 'credentials' && error.status === 401)) {
          throw error
        }
      }
      // Somebody else may have a new one already.
      if (token === first) token = undefined
      const second = await current(signal)
      return send(second.value)
    },
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
