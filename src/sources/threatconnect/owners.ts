/** The owners that the account sees. */
import { UpstreamError } from '../../errors.ts'
import { pages } from './paging.ts'
import type { Sender } from './sender.ts'
import { type ListRequest, listRequest, service } from './wire.ts'

const ownersAtOnce = 500

/** @throws UpstreamError */
export async function visibleOwners(sender: Sender): Promise<string[]> {
  const names: string[] = []
  const send = (request: ListRequest) => sender.list(request)
  for await (const { data } of pages(send, listRequest('security/owners'), ownersAtOnce)) {
    for (const owner of data) {
      const { name } = Object(owner) as Record<string, unknown>
      if (typeof name === 'string') names.push(name)
    }
  }
  return names
}

/**
 * Before nothing at all is believed to be there: an account that lost its rights gets empty lists, not refusals.
 * @param wanted of the settings; empty: any
 * @throws UpstreamError permission
 */
export async function expectOwners(sender: Sender, wanted: readonly string[]): Promise<void> {
  const seen = new Set(await visibleOwners(sender))
  const missing = wanted.filter((name) => !seen.has(name))
  if (seen.size > 0 && missing.length === 0) return
  const what = missing.length > 0 ? `the owners ${missing.join(', ')}` : 'any owner'
  throw new UpstreamError(
    'permission',
    `ThreatConnect gives no record, and the account does not see ${what}: what is stored stays`,
    { service, status: 200 },
  )
}
