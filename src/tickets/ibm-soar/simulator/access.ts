/** Who may call a simulated SOAR: API keys, organisations and the session that tells of them. */
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { RequestError } from './answers.ts'

/** In the words of the public app; those for files and artifacts are inferred. */
const rights = [
  'read_data',
  'edit_data',
  'create_incident',
  'read_all_incidents',
  'edit_all_incidents_fields',
  'edit_all_incidents_status',
  'edit_all_incident_notes',
  'edit_all_incident_attachments',
  'edit_all_incident_artifacts',
] as const
export type Right = (typeof rights)[number]

export interface SoarKey {
  readonly id: string
  readonly secret: string
  /** Default all. */
  readonly rights?: readonly Right[]
}

export interface SoarOrg {
  readonly id: number
  readonly name: string
  /** Default true. A disabled one is listed, and refuses every call. */
  readonly enabled?: boolean
}

export interface Access {
  /** @throws RequestError 401 */
  keyOf(request: RecordedRequest): SoarKey
  /** @throws RequestError 403 */
  may(key: SoarKey, right: Right): void
  /** @throws RequestError 404 for an organisation that is not there (inferred), 403 for a disabled one */
  enter(orgId: number): void
  session(key: SoarKey): unknown
  /** The number of a key, as its notes and files are signed. */
  handleOf(key: SoarKey): number
}

const firstHandle = 7

export function createAccess(keys: readonly SoarKey[], orgs: readonly SoarOrg[]): Access {
  const handleOf = (key: SoarKey) => firstHandle + keys.indexOf(key)
  return {
    handleOf,
    keyOf({ headers: { authorization = '' } }) {
      const encoded = /^Basic (\S+)$/i.exec(authorization)?.[1] ?? ''
      const given = Buffer.from(encoded, 'base64').toString()
      const key = keys.find(({ id, secret }) => `${id}:${secret}` === given)
      if (key !== undefined) return key
      throw new RequestError(401, 'Invalid credentials.', {
        title: 'Unauthorized',
        errorCode: 'unauthorized',
      })
    },
    may({ rights: held = rights }, right) {
      if (held.includes(right)) return
      const title = 'Forbidden'
      throw new RequestError(403, `The API key lacks the permission ${right}.`, {
        title,
        errorCode: 'forbidden',
      })
    },
    enter(orgId) {
      const org = orgs.find(({ id }) => id === orgId)
      if (org === undefined) throw new RequestError(404, `Unable to find the organization ${orgId}.`)
      if (org.enabled === false) throw new RequestError(403, `The organization ${orgId} is disabled.`)
    },
    session(key) {
      const list = orgs.map(({ id, name, enabled = true }) => {
        const uuid = `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`
        return { id, name, uuid, cloud_account: null, enabled, perms: null }
      })
      return {
        ...{ csrf_token: '79945884c2e6f2339cbffbbaba01f17b', user_id: null, api_key_handle: handleOf(key) },
        ...{ orgs: list, session_ip: '192.0.2.1', is_ldap: false, is_saml: false },
      }
    },
  }
}

/** `GET /rest/const`, what a client may need of it. */
export function constantsOf(maxAttachmentMb: number, maxArtifacts: number): unknown {
  return {
    server_version: { major: 51, minor: 0, build_number: 20848, version: '51.0.9.0.20848' },
    ...{ max_attachment_mb: maxAttachmentMb, max_artifact_mb: 25, max_artifacts: maxArtifacts },
    ...{ max_img_mb: 5, max_page_size: 100 },
    incident_statuses: {
      A: { id: 'A', enabled: true, isclosed: false, name: 'Active', description: null },
      C: { id: 'C', enabled: true, isclosed: true, name: 'Closed', description: null },
    },
  }
}
