/** What the REST API answers: who calls, in which organisation, and which route it is. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { constantsOf, type SoarKey } from './access.ts'
import { errorAnswer, jsonAnswer, noRoute, RequestError } from './answers.ts'
import { maxArtifacts } from './artifacts.ts'
import { type Installation, type Route, readFormats, readJson } from './call.ts'
import { childRoutes } from './child-routes.ts'
import { shownField } from './field-store.ts'
import { incidentRoutes } from './incident-routes.ts'

const fieldRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: /^\/types\/incident\/fields$/,
    right: 'read_data',
    handle: (_call, { fields }) => jsonAnswer(200, fields.all().map(shownField)),
  },
  {
    method: 'GET',
    path: /^\/types\/incident\/fields\/([^/]+)$/,
    right: 'read_data',
    handle({ params: [name = ''] }, { fields }) {
      const field = fields.find(name)
      if (field === undefined) throw new RequestError(404, `Unable to find the field "${name}".`)
      return jsonAnswer(200, shownField(field))
    },
  },
  {
    method: 'PUT',
    path: /^\/types\/incident\/fields\/([^/]+)$/,
    right: 'edit_data',
    handle(call, { fields, wrote }) {
      const body = call.json()
      const field = fields.replace(call.params[0] ?? '', body)
      wrote('field-edit', undefined, body)
      return jsonAnswer(200, shownField(field))
    },
  },
  {
    method: 'POST',
    path: /^\/types\/incident\/fields$/,
    right: 'edit_data',
    handle(call, { fields, wrote }) {
      const body = call.json()
      const field = fields.create(body)
      wrote('field-create', undefined, body)
      return jsonAnswer(200, shownField(field))
    },
  },
]

const routes: readonly Route[] = [...incidentRoutes, ...childRoutes, ...fieldRoutes]

export function createRoutes(installation: Installation): (request: RecordedRequest) => Answer {
  return (request) => {
    try {
      return answer(request, installation)
    } catch (error) {
      if (error instanceof RequestError) return errorAnswer(error)
      throw error
    }
  }
}

function answer(request: RecordedRequest, installation: Installation): Answer {
  const { access, sessionRefused, maxAttachmentMb } = installation
  const key = access.keyOf(request)
  const [path = '', search = ''] = request.url.split('?')
  if (request.method === 'GET' && path === '/rest/session') {
    if (sessionRefused)
      throw new RequestError(403, 'API keys may not read the session.', { title: 'Forbidden' })
    return jsonAnswer(200, access.session(key))
  }
  if (request.method === 'GET' && path === '/rest/const') {
    return jsonAnswer(200, constantsOf(maxAttachmentMb, maxArtifacts))
  }
  const [, org, rest = ''] = /^\/rest\/orgs\/(\d+)(\/.*)$/.exec(path) ?? []
  if (org === undefined) throw noRoute(request.method)
  access.enter(Number(org))
  return answerOrg(request, installation, key, rest, new URLSearchParams(search))
}

function answerOrg(
  request: RecordedRequest,
  installation: Installation,
  key: SoarKey,
  path: string,
  query: URLSearchParams,
): Answer {
  const { access } = installation
  for (const { method, path: pattern, right, handle } of routes) {
    const found = method === request.method ? pattern.exec(path) : null
    if (found === null) continue
    access.may(key, right)
    const by = { id: access.handleOf(key), type: 'apikey', name: key.id } as const
    const formats = readFormats(request, query)
    const params = found.slice(1)
    return handle({ request, key, by, params, query, formats, json: () => readJson(request) }, installation)
  }
  throw noRoute(request.method)
}
