/** Incidents: create, read, change, search. */
import { badRequest, isObject, jsonAnswer } from './answers.ts'
import { type Call, incidentOf, type Route } from './call.ts'
import type { ReturnLevel } from './incident-shape.ts'
import { patchIncident } from './patch.ts'

function returnLevel({ query }: Call): ReturnLevel {
  const given = query.get('return_level') ?? 'partial'
  if (given === 'partial' || given === 'normal' || given === 'full') return given
  throw badRequest(`return_level can't be "${given}".`)
}

export const incidentRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: /^\/incidents$/,
    right: 'create_incident',
    handle(call, { rules, show, comments, insertOddComments, wrote }) {
      const body = call.json()
      const row = rules.create(body, call.formats.handle)
      wrote('create', row.id, body)
      if (insertOddComments) comments.addOddOnes(row.id)
      return jsonAnswer(200, show(row, call.formats, 'full'))
    },
  },
  {
    method: 'GET',
    path: /^\/incidents\/(\d+)$/,
    right: 'read_all_incidents',
    handle: (call, installation) =>
      jsonAnswer(200, installation.show(incidentOf(call, installation), call.formats, 'full')),
  },
  {
    method: 'PATCH',
    path: /^\/incidents\/(\d+)$/,
    right: 'edit_all_incidents_fields',
    handle(call, installation) {
      const { access, rules, conflicts, store, wrote } = installation
      const row = incidentOf(call, installation)
      const body = call.json()
      // That closing needs a right of its own is inferred from the app's list, which names one.
      if (changesStatus(body)) access.may(call.key, 'edit_all_incidents_status')
      conflicts.meet()
      const answer = patchIncident(rules, row, body, call.formats)
      if (store.get(row.id) !== row) wrote('patch', row.id, body)
      return answer
    },
  },
  {
    method: 'POST',
    path: /^\/incidents\/query_paged$/,
    right: 'read_all_incidents',
    handle(call, { query, show }) {
      const level = returnLevel(call)
      const { rows, total } = query.page(call.json())
      const data = rows.map((row) => show(row, call.formats, level))
      return jsonAnswer(200, { recordsTotal: total, recordsFiltered: total, data })
    },
  },
  {
    method: 'POST',
    path: /^\/incidents\/query$/,
    right: 'read_all_incidents',
    handle(call, { query, show }) {
      const level = returnLevel(call)
      return jsonAnswer(
        200,
        query.matching(call.json()).map((row) => show(row, call.formats, level)),
      )
    },
  },
]

function changesStatus(body: unknown): boolean {
  const changes: readonly unknown[] = isObject(body) && Array.isArray(body.changes) ? body.changes : []
  return changes.some((each) => {
    const field = isObject(each) ? each.field : undefined
    return field === 'plan_status' || (isObject(field) && field.name === 'plan_status')
  })
}
