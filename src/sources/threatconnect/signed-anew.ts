/** One more try for what was refused for its signature. */
import { UpstreamError } from '../../errors.ts'
import type { ListAnswer } from './client.ts'

/**
 * A signature can age on its way, and a 401 comes and goes where instances take turns: what refuses a fresh signature
 * as well is lasting. Once for each request, however often that is tried.
 */
export function signedAnew(list: () => Promise<ListAnswer>): () => Promise<ListAnswer> {
  let again = false
  return async () => {
    try {
      return await list()
    } catch (error) {
      if (again || !(error instanceof UpstreamError) || error.status !== 401) throw error
      again = true
      return list()
    }
  }
}
