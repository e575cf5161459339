/** What is below an incident: notes, files, artifacts. */
import { jsonAnswer, RequestError } from './answers.ts'
import { maxArtifacts, readArtifact, shownArtifact } from './artifacts.ts'
import { contents, readUpload, sha256Of, shownAttachment } from './attachments.ts'
import { incidentOf, nameOf, type Route } from './call.ts'
import { readPage } from './query.ts'

const noteRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: /^\/incidents\/(\d+)\/comments$/,
    right: 'read_all_incidents',
    handle(call, installation) {
      const incident = incidentOf(call, installation)
      return jsonAnswer(200, installation.comments.list(incident, nameOf(incident), call.formats.text))
    },
  },
  {
    method: 'POST',
    path: /^\/incidents\/(\d+)\/comments$/,
    right: 'edit_all_incident_notes',
    handle(call, installation) {
      const { comments, wrote } = installation
      const incident = incidentOf(call, installation)
      const body = call.json()
      const row = comments.add(incident.id, body, call.by)
      wrote('comment', incident.id, body)
      return jsonAnswer(200, comments.show(row, nameOf(incident), call.formats.text))
    },
  },
  {
    method: 'PUT',
    path: /^\/incidents\/(\d+)\/comments\/(\d+)$/,
    right: 'edit_all_incident_notes',
    handle(call, installation) {
      const { comments, store, wrote } = installation
      const incident = incidentOf(call, installation)
      const row = store.comments.get(incident.id, Number(call.params[1]))
      if (row === undefined) throw new RequestError(404, 'comment not found')
      const body = call.json()
      const changed = comments.edit(row, body)
      wrote('comment-edit', incident.id, body)
      return jsonAnswer(200, comments.show(changed, nameOf(incident), call.formats.text))
    },
  },
]

const fileRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: /^\/incidents\/(\d+)\/attachments$/,
    right: 'read_all_incidents',
    handle(call, installation) {
      const incident = incidentOf(call, installation)
      const rows = installation.store.attachments.of(incident.id)
      return jsonAnswer(
        200,
        rows.map((row) => shownAttachment(row, incident, nameOf(incident))),
      )
    },
  },
  {
    method: 'POST',
    path: /^\/incidents\/(\d+)\/attachments$/,
    right: 'edit_all_incident_attachments',
    handle(call, installation) {
      const { store, maxAttachmentMb, attachmentReply, now, wrote } = installation
      const incident = incidentOf(call, installation)
      const file = readUpload(call.request, maxAttachmentMb)
      const row = store.attachments.add({ ...file, incidentId: incident.id, by: call.by, createdAt: now() })
      const { name, contentType, description, bytes } = file
      const told = { name, contentType, description, size: bytes.length, sha256: sha256Of(bytes) }
      wrote('attachment', incident.id, told)
      const shown = shownAttachment(row, incident, nameOf(incident))
      return jsonAnswer(200, attachmentReply === 'list' ? [shown] : shown)
    },
  },
  {
    method: 'GET',
    path: /^\/incidents\/(\d+)\/attachments\/(\d+)\/contents$/,
    right: 'read_all_incidents',
    handle(call, installation) {
      const incident = incidentOf(call, installation)
      const row = installation.store.attachments.get(incident.id, Number(call.params[1]))
      if (row === undefined) throw new RequestError(404, 'attachment not found')
      return contents(row, row.contentType)
    },
  },
]

const artifactRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: /^\/incidents\/(\d+)\/artifacts$/,
    right: 'edit_all_incident_artifacts',
    handle(call, installation) {
      const { store, now, wrote } = installation
      const incident = incidentOf(call, installation)
      const body = call.json()
      const artifact = readArtifact(body)
      if (store.artifacts.of(incident.id).length >= maxArtifacts) {
        throw new RequestError(400, `An incident has at most ${maxArtifacts} artifacts.`)
      }
      const row = store.artifacts.add({ ...artifact, incidentId: incident.id, by: call.by, createdAt: now() })
      wrote('artifact', incident.id, body)
      return jsonAnswer(200, [shownArtifact(row, call.formats)])
    },
  },
  {
    method: 'POST',
    path: /^\/incidents\/(\d+)\/artifacts\/query_paged$/,
    right: 'read_all_incidents',
    handle(call, installation) {
      const incident = incidentOf(call, installation)
      const { start, length } = readPage(call.json())
      const rows = installation.store.artifacts.of(incident.id)
      const data = rows.slice(start, start + length).map((row) => shownArtifact(row, call.formats))
      return jsonAnswer(200, { recordsTotal: rows.length, recordsFiltered: rows.length, data })
    },
  },
]

export const childRoutes: readonly Route[] = [...noteRoutes, ...fileRoutes, ...artifactRoutes]
