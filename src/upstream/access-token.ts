/** A short-lived token of a product's own login, asked for once for all who need it, and again when it is refused. */
import { UpstreamError } from '../errors.ts'
import { kept } from './kept.ts'

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
  const token = kept(request, ({ expiresAt }) => expiresAt, now)
  return {
    async authorized(send, signal) {
      const first = await token.get(signal)
      try {
        return await send(first.value)
      } catch (error) {
        if (!(error instanceof UpstreamError && error.kind === 'credentials' && error.status === 401)) {
          throw error
        }
      }
      token.discard(first)
      const second = await token.get(signal)
      return send(second.value)
    },
  }
}
