/** One call of the REST API on its way to the route that answers it. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import type { Access, Right, SoarKey } from './access.ts'
import { badRequest, RequestError } from './answers.ts'
import type { Comments } from './comments.ts'
import type { FieldStore } from './field-store.ts'
import { type Formats, handleFormats } from './field-values.ts'
import type { IncidentRules } from './incident-rules.ts'
import type { ShowIncident } from './incident-shape.ts'
import type { IncidentRow, IncidentStore, Principal } from './incident-store.ts'
import type { Conflicts } from './patch.ts'
import type { Query } from './query.ts'
import { textFormats } from './rich-text.ts'

/** Something that was carried out for a client. */
export interface SoarWrite {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly kind:
    | 'create'
    | 'patch'
    | 'comment'
    | 'comment-edit'
    | 'attachment'
    | 'artifact'
    | 'field-create'
    | 'field-edit'
  /** Undefined: it was about a field definition. */
  readonly incidentId: number | undefined
  /** As received, such as the version and the changes of a patch; of a file its name, type, size and sha256. */
  readonly body: unknown
}

/** What the routes work with. */
export interface Installation {
  readonly access: Access
  readonly store: IncidentStore
  readonly fields: FieldStore
  readonly rules: IncidentRules
  readonly comments: Comments
  readonly show: ShowIncident
  readonly query: Query
  readonly conflicts: Conflicts
  readonly maxAttachmentMb: number
  /** Some versions answer an upload with a list of one. */
  readonly attachmentReply: 'object' | 'list'
  /** `GET /rest/session` is 403 for API keys, as on some installations. */
  readonly sessionRefused: boolean
  readonly insertOddComments: boolean
  now(): number
  wrote(kind: SoarWrite['kind'], incidentId: number | undefined, body: unknown): void
}

export interface Call {
  readonly request: RecordedRequest
  readonly key: SoarKey
  readonly by: Principal
  /** What the groups of the route's pattern found. */
  readonly params: readonly string[]
  readonly query: URLSearchParams
  readonly formats: Formats
  /** @throws RequestError 400, 415 */
  json(): unknown
}

/** Status 200 with JSON unless the handler makes an answer of its own. */
export interface Route {
  readonly method: string
  /** Below the organisation. */
  readonly path: RegExp
  readonly right: Right
  readonly handle: (call: Call, installation: Installation) => Answer
}

/** Of the query, else of the headers. @throws RequestError 400 */
export function readFormats({ headers }: RecordedRequest, query: URLSearchParams): Formats {
  const read = <F extends string>(name: string, known: readonly F[], otherwise: F): F => {
    const given = query.get(name) ?? headers[name] ?? otherwise
    const found = known.find((each) => each === given)
    if (found === undefined) throw badRequest(`${name} can't be "${given}".`)
    return found
  }
  return {
    handle: read('handle_format', handleFormats, 'ids'),
    text: read('text_content_output_format', textFormats, 'default'),
  }
}

export function readJson({ headers, body }: RecordedRequest): unknown {
  const type = headers['content-type'] ?? ''
  if (!/^application\/json\b/i.test(type)) throw new RequestError(415, `Unsupported content type "${type}".`)
  try {
    return JSON.parse(body)
  } catch {
    throw badRequest('The body is no JSON.')
  }
}

/** @throws RequestError 404 */
export function incidentOf({ params: [id = ''] }: Call, { store }: Installation): IncidentRow {
  const row = store.get(Number(id))
  if (row === undefined) throw new RequestError(404, 'incident not found')
  return row
}

export function nameOf({ values }: IncidentRow): string {
  return String(values.name ?? '')
}
