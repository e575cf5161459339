/** Which organisation the calls are about. */
import { UpstreamError } from '../../errors.ts'
import { exactId } from '../../model/exact-number.ts'
import { isObject } from '../../upstream/json.ts'
import { unreadable } from './refusal.ts'
import { service } from './wire.ts'

export interface Org {
  readonly id: string
  readonly name: string
  readonly enabled: boolean
}

/**
 * @param session the answer of `GET /rest/session`
 * @param wanted name, uuid, cloud account or id
 * @param clean takes secrets out of what the server says
 * @throws UpstreamError permission: the API key is not of this organisation, or it is disabled
 */
export function orgOf(session: unknown, wanted: string, clean: (text: string) => string): Org {
  const listed = isObject(session) ? session.orgs : undefined
  if (!Array.isArray(listed)) throw unreadable('the question for the session without "orgs"', 200)
  const orgs = listed.filter(isObject)
  const member = (name: string, fold: (text: string) => string) =>
    orgs.find((org) => fold(String(org[name] ?? '')) === fold(wanted))
  const asIs = (text: string) => text
  const found =
    ['name', 'uuid', 'cloud_account', 'id']
      .map((name) => member(name, asIs))
      .find((org) => org !== undefined) ??
    ['name', 'uuid']
      .map((name) => member(name, (text) => text.trim().toLowerCase()))
      .find((org) => org !== undefined)
  if (found === undefined) {
    const names = orgs
      .map(({ name }) => `"${clean(String(name)).slice(0, 100)}"`)
      .slice(0, 20)
      .join(', ')
    throw refused(
      `the API key is of no organisation "${wanted}"; it is of ${names === '' ? 'none' : names}: correct \`org\``,
    )
  }
  const id = exactId(found.id)
  if (id === undefined)
    throw unreadable('the question for the session with an organisation without an id', 200)
  if (found.enabled === false) throw refused(`the organisation "${wanted}" (${id}) is disabled`)
  return { id, name: String(found.name ?? ''), enabled: true }
}

function refused(why: string): UpstreamError {
  return new UpstreamError('permission', `IBM SOAR: ${why}`, { service, status: 200 })
}
