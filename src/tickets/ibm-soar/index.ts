/** IBM SOAR (Resilient) as an incident sink. */
import { randomUUID } from 'node:crypto'
import { UpstreamError } from '../../errors.ts'
import { kept } from '../../upstream/kept.ts'
import {
  type Incident,
  type IncidentSink,
  type IncidentSinkDefinition,
  type SinkContext,
  unlessGone,
} from '../incident-sink.ts'
import { Refused } from '../refused.ts'
import { soarChanges } from './changes.ts'
import { checkSoar } from './check.ts'
import { SoarClient } from './client.ts'
import { deskCodes } from './close-code.ts'
import { commentsForTicket } from './comments.ts'
import { type KnownFields, knownFields } from './fields.ts'
import { fileName, multipart, presentFiles } from './files.ts'
import { hasNumberedCode, incidentOf, isClosed, tellsClosing, ticketIdOf } from './incident.ts'
import { installFields } from './install.ts'
import { policiesOf } from './merge.ts'
import { commentsIn, plainNote, presentNotes, withMark } from './notes.ts'
import { missingField } from './payload.ts'
import { previewOf } from './preview.ts'
import { soarTemplates, templateProblems } from './render.ts'
import { type IbmSoarSettings, ibmSoarSettings } from './settings.ts'
import { custom, idOf, pageLength, type Row, service, ticketIdField } from './wire.ts'
import { closeIncident, createIncident, reopenIncident, updateIncident, type Writing } from './write.ts'

export const ibmSoar: IncidentSinkDefinition<IbmSoarSettings> = {
  kind: service,
  title: 'IBM SOAR',
  settings: ibmSoarSettings,
  credentials: ['apiKeyId', 'apiKeySecret'],
  problems: ({ templates }, readFile) => templateProblems(templates, readFile),
  create: createSoarSink,
}

/** SOAR's own default, and what a megabyte is there: 1,048,576 bytes. */
const defaultAttachmentMb = 25
const megabyte = 1_048_576

/** Answers that say no more than that the server does not tell its limits; a wrong address is a 500 there. */
const untellingKinds: ReadonlySet<string> = new Set(['permission', 'rejected', 'address', 'unavailable'])

function createSoarSink(settings: IbmSoarSettings, context: SinkContext): IncidentSink {
  const { connect, now, readFile, commentPrefix } = context
  const client = new SoarClient(connect(settings.baseUrl), settings, now)
  const known = knownFields(client, now)
  const templates = soarTemplates({ settings: settings.templates, readFile, now })
  const writing: Writing = { client, known, templates, settings, policyOf: policiesOf(settings) }

  const limitMb = kept(
    () => askLimitMb(client, context),
    (_limit, askedAt) => askedAt + 3_600_000,
    now,
  )
  const shown = (row: Row, signal: AbortSignal) => incidentFrom(client, known, row, signal)
  return {
    readable: true,
    changesEveryMs: settings.changesEvery,
    async maxFileBytes(signal) {
      return (settings.maxAttachmentMb ?? (await limitMb.get(signal))) * megabyte
    },
    async find(ticketId, signal) {
      const rows = await explained(rowsOf(client, ticketId, signal), known, signal)
      return Promise.all(rows.map((row) => shown(row, signal)))
    },
    async read(incidentId, signal) {
      // Whoever tells of an incident may tell anything; only a number is one here.
      if (!/^\d{1,19}$/.test(incidentId)) return undefined
      const row = await unlessGone(client.incident(incidentId, signal))
      if (row === undefined) return undefined
      const ticketId = ticketIdOf(row)
      return { ...(await shown(row, signal)), ...(ticketId !== undefined && { ticketId }) }
    },
    create: (ticket, { signal }) => createIncident(writing, ticket, signal),
    update: (id, ticket, memory, { signal }) => updateIncident(writing, id, ticket, memory, signal),
    close: (id, ticket, memory, { signal }) => closeIncident(writing, id, ticket, memory, signal),
    reopen: (id, _ticket, memory, { signal }) => reopenIncident(writing, id, memory, signal),
    async addNote(id, ticket, note, { signal }) {
      const html =
        'note' in note
          ? withMark(templates.text('note', ticket, { note: note.note }), note.marker)
          : plainNote(note.text, note.marker)
      return client.addComment(id, html, signal)
    },
    async addFile(id, ticket, file, { signal }) {
      const { attachment, content } = file
      const named = file.name ?? attachment.name
      const description = `Attachment ${attachment.id} of the Secureworks CTP ticket ${ticket.id}${
        named === undefined ? '' : `: ${oneLine(named)}`
      }`
      const form = multipart({ content, name: fileName(file), description }, `----feed-${randomUUID()}`)
      return client.upload(id, form, signal)
    },
    async notesPresent(id, notes, signal) {
      return presentNotes(commentsIn(await client.comments(id, signal)), notes)
    },
    async filesPresent(id, attachments, signal) {
      return presentFiles(await client.attachments(id, signal), attachments)
    },
    changes: soarChanges(client, shown),
    async comments(incident, ticket, signal) {
      if (commentPrefix === '') return []
      const comments = commentsIn(await client.comments(incident.id, signal))
      return commentsForTicket(comments, commentPrefix, templates, ticket, incident)
    },
    deskCloseCodes: (closing) => deskCodes(closing, settings.closeCodes),
    preview: (kind, source, ticket, signal) =>
      previewOf({ templates, known, settings }, { kind, source, ticket }, signal),
    check: (signal) => checkSoar({ client, known, templates, settings, signal }),
    async installFields(signal) {
      try {
        return await installFields(client, settings, signal)
      } finally {
        known.forget()
      }
    },
  }
}

/** @throws UpstreamError where the server can not be asked at all */
async function askLimitMb(client: SoarClient, { name, log }: SinkContext): Promise<number> {
  try {
    const { max_attachment_mb: limit } = await client.constants(new AbortController().signal)
    return typeof limit === 'number' && limit > 0 ? limit : defaultAttachmentMb
  } catch (error) {
    if (!(error instanceof UpstreamError) || !untellingKinds.has(error.kind) || error.status === undefined) {
      throw error
    }
    log.warn(
      { sink: name, reason: error.sentence },
      'IBM SOAR does not tell how large a file may be: 25 MB are assumed',
    )
    return defaultAttachmentMb
  }
}

/** Incidents of a ticket, open and closed, oldest first. */
async function rowsOf(client: SoarClient, ticketId: string, signal: AbortSignal): Promise<readonly Row[]> {
  const conditions = [{ field_name: custom(ticketIdField), method: 'equals', value: ticketId }]
  const sort = { field_name: 'create_date', type: 'asc' } as const
  const found = new Map<string, Row>()
  for (let start = 0; ; start += pageLength) {
    const { rows } = await client.query({ conditions, sort, start, length: pageLength }, signal)
    for (const row of rows) {
      // Some databases compare texts without regard to case.
      if ((ticketIdOf(row) ?? ticketId) === ticketId) found.set(idOf(row) ?? '', row)
    }
    if (rows.length < pageLength) break
  }
  const createdAt = ({ create_date: at }: Row) => (typeof at === 'number' ? at : 0)
  return [...found.values()].sort((a, b) => createdAt(a) - createdAt(b) || Number(a.id) - Number(b.id))
}

/** Read whole where the row does not tell how the incident was closed. */
async function incidentFrom(
  client: SoarClient,
  known: KnownFields,
  given: Row,
  signal: AbortSignal,
): Promise<Incident> {
  const id = idOf(given) ?? ''
  const row = isClosed(given) && !tellsClosing(given) ? await client.incident(id, signal) : given
  const fields = hasNumberedCode(row) ? await known.get(signal) : undefined
  return incidentOf(row, await client.urlOf(id, signal), fields)
}

/** @throws Refused where a search is refused because the field that it goes by does not exist yet */
async function explained<T>(search: Promise<T>, known: KnownFields, signal: AbortSignal): Promise<T> {
  try {
    return await search
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.kind !== 'rejected') throw error
    const key = custom(ticketIdField)
    const { problems } = await known.checked((fields) => {
      const isMissing = fields !== undefined && !fields.has(key)
      return { value: undefined, problems: isMissing ? [missingField(key, fields)] : [] }
    }, signal)
    throw problems[0] === undefined ? error : new Refused(problems[0], { cause: error })
  }
}

/** For people, in a header of a form: no line end, at most 200 characters. */
function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed()
}
