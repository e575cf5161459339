/**
 * A webhook as an incident sink: every effect is one signed post with an idempotency key. What became of a post whose
 * answer is lost can't be looked up: it is posted again with the same key, which the receiver takes once.
 */
import { ServiceError, UpstreamError } from '../../errors.ts'
import type { Ticket } from '../../model/ticket.ts'
import { type Finding, failed, passed } from '../../upstream/finding.ts'
import type { HttpClient } from '../../upstream/http-client.ts'
import { isObject, jsonOf } from '../../upstream/json.ts'
import { redact } from '../../upstream/redact.ts'
import {
  type Applied,
  type Call,
  type Incident,
  IncidentGone,
  type IncidentSink,
  type IncidentSinkDefinition,
} from '../incident-sink.ts'
import { type EventParts, eventBody, type WebhookEvent } from './event.ts'
import { secretsOf } from './secrets.ts'
import { type WebhookSettings, webhookSettings } from './settings.ts'
import { signatureOf } from './signature.ts'

/** A file of 25 MiB is a third bigger as base64: what most receivers still take. */
const maxFileBytes = 25 * 1_048_576
/** Of a refusal: as much as is looked at. */
const mostWordBytes = 65_536
const applied: Applied = { memory: {}, events: [] }

export const webhook: IncidentSinkDefinition<WebhookSettings> = {
  kind: 'webhook',
  title: 'Webhook',
  settings: webhookSettings,
  // The address says where posts go: it is none of them, though it may hold a secret.
  credentials: ['secret', 'headers'],
  create(settings, { name, connect, now }) {
    const { origin, pathname, search } = new URL(settings.url)
    const client = connect(origin)
    const secrets = secretsOf(settings)
    const clean = (text: string) => redact(text, secrets)
    const post = poster(client, { path: `${pathname}${search}`, settings, clean, now })
    const tell = (
      event: WebhookEvent,
      incidentId: string | null,
      ticket: Ticket,
      more: Partial<EventParts>,
      call: Call,
    ) => post(eventBody(event, { bridge: name, incidentId, ticket, ...more }), incidentId, call)
    const change = async (event: WebhookEvent, id: string, ticket: Ticket, call: Call) => {
      await tell(event, id, ticket, {}, call)
      return applied
    }
    const sink: IncidentSink = {
      readable: false,
      changesEveryMs: null,
      maxFileBytes: async () => maxFileBytes,
      find: async () => [],
      read: async () => undefined,
      async create(ticket, call) {
        const answer = await tell('ticket.created', null, ticket, {}, call)
        return { ...applied, incident: incidentOf(answer, ticket, clean) }
      },
      update: (id, ticket, _memory, call) => change('ticket.updated', id, ticket, call),
      close: (id, ticket, _memory, call) => change('ticket.closed', id, ticket, call),
      reopen: (id, ticket, _memory, call) => change('ticket.reopened', id, ticket, call),
      async addNote(id, ticket, note, call) {
        await tell('ticket.note', id, ticket, { note }, call)
        return undefined
      },
      async addFile(id, ticket, file, call) {
        await tell('ticket.attachment', id, ticket, { file }, call)
        return undefined
      },
      notesPresent: async () => new Map(),
      filesPresent: async () => new Map(),
      async *changes() {},
      comments: async () => [],
      deskCloseCodes: ({ code }) => (code === undefined ? [] : [code]),
      async preview() {
        throw new ServiceError('TEMPLATE_REFUSED', 'a webhook gets the ticket as it is: it has no templates')
      },
      check: async (signal) => check(client, signal),
    }
    return sink
  },
}

interface Poster {
  readonly path: string
  readonly settings: WebhookSettings
  /** Takes secrets out of the receiver's words. */
  readonly clean: (text: string) => string
  now(): number
}

function poster(client: HttpClient, { path, settings, clean, now }: Poster) {
  return async (
    body: string,
    incidentId: string | null,
    { idempotencyKey, signal }: Call,
  ): Promise<Buffer> => {
    const { body: answer } = await client.send({
      method: 'POST',
      path,
      secretPath: true,
      headers: {
        ...settings.headers,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
        ...(settings.secret !== undefined && {
          'x-signature': signatureOf(settings.secret, Math.floor(now() / 1000), body),
        }),
      },
      body,
      signal,
      maxBytes: 1_048_576,
      translate({ status, body: said }) {
        if (status === 410 && incidentId !== null) throw new IncidentGone(incidentId)
        if (status < 400 || status >= 500 || [401, 403, 407, 408, 429].includes(status)) return undefined
        const text = clean(said.subarray(0, mostWordBytes).toString('utf8'))
        const words = text.replace(/\s+/g, ' ').trim().slice(0, 500).toWellFormed()
        const message = `the receiver refused the post (${status})${words === '' ? '' : `: ${words}`}`
        return new UpstreamError('rejected', message, { service: client.service, status })
      },
    })
    return answer
  }
}

/**
 * A receiver may name what it made of the ticket: `{ "id", "url" }`; else it goes by the ticket's id. One that repeats
 * the request names nothing by the address that it was posted to.
 */
function incidentOf(answer: Buffer, ticket: Ticket, clean: (text: string) => string): Incident {
  const { id = ticket.id, url } = namedBy(answer)
  const isShown = (text: string) => clean(text) === text
  return {
    id: isShown(id) ? id : ticket.id,
    url: url !== undefined && isShown(url) ? url : null,
    status: 'open',
  }
}

function namedBy(answer: Buffer): { readonly id?: string; readonly url?: string } {
  const value = jsonOf(answer)
  if (!isObject(value)) return {}
  const { id, url } = value
  const isId = (typeof id === 'string' && id !== '' && id.length <= 200) || Number.isSafeInteger(id)
  return {
    ...(isId && { id: String(id) }),
    ...(typeof url === 'string' && /^https?:\/\//.test(url) && url.length <= 2000 && { url }),
  }
}

/** Only a post would prove the rest, and a receiver acts on each. */
async function check(client: HttpClient, signal: AbortSignal): Promise<Finding[]> {
  try {
    await client.send({ method: 'GET', path: '/', signal, maxBytes: 1_048_576 })
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    const unreachable =
      error.status === undefined && (error.kind === 'unavailable' || error.kind === 'timeout')
    if (unreachable) {
      const remedy =
        'Check the host of `url`, DNS, the firewall, and `proxy` and `tls` of the incident sink; for a certificate of an own authority set `tls.caFile`.'
      return [failed('connection', error.message, remedy)]
    }
  }
  return [
    passed('connection'),
    {
      name: 'receiver',
      ok: true,
      cause: 'Whether the receiver takes posts was not looked at: it would act on one.',
      remedy: 'Ask for one ticket and see what becomes of it.',
    },
  ]
}
