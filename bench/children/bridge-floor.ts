/**
 * What a bridge is measured against: the least code that makes an incident of each ticket that waits, with its notes and
 * its attachment, and acknowledges it. It looks nothing up, remembers nothing, and gives up at the first answer that is
 * not 2xx. Takes a `FloorOrder` as message.
 */
import { FormData, request } from 'undici'

export interface FloorOrder {
  /** Of the bridge's configuration. */
  readonly settings: Readonly<Record<'ticketDesk' | 'incidentSink', { readonly settings: EndSettings }>>
  /** Tickets that are worked at, at once. */
  readonly tickets: number
  /** Requests to the sink under way at once. */
  readonly requests: number
}

type EndSettings = Readonly<Record<string, unknown>>

export type FloorResult =
  | { readonly seconds: number; readonly tickets: number }
  | { readonly failure: string }

interface Ticket {
  readonly ticketId: string
  readonly version: string
  readonly status: string
  readonly priority: string
  readonly dateCreated: number
  readonly detailedDescription: string
  readonly worklogs: readonly { readonly description: string }[]
  readonly attachmentInfo: readonly { readonly id: string; readonly name: string }[]
}

const pageSize = 500
const acknowledgedAtOnce = 100

interface Sending {
  readonly method: 'GET' | 'POST'
  readonly authorization: string
  readonly body?: string | FormData
}

async function call(url: string, { method, authorization, body }: Sending): Promise<unknown> {
  const answer = await request(url, {
    method,
    headers: { authorization, ...(typeof body === 'string' && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  })
  const text = await answer.body.text()
  if (answer.statusCode >= 300) throw new Error(`${method} ${url} answered ${answer.statusCode}: ${text}`)
  return JSON.parse(text)
}

/** @returns lets so many go on at once */
function gate(most: number) {
  let free = most
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

function ends({ settings, requests }: FloorOrder) {
  const desk = settings.ticketDesk.settings
  const sink = settings.incidentSink.settings
  const key = Buffer.from(`${sink.apiKeyId}:${sink.apiKeySecret}`).toString('base64')
  const deskKey = { authorization: `APIKEY ${desk.username}:${desk.password}` }
  const sinkKey = { authorization: `Basic ${key}` }
  const throughGate = gate(requests)
  return {
    desk: (method: 'GET' | 'POST', path: string, json?: object) =>
      call(`${desk.baseUrl}/tickets/${path}`, {
        ...deskKey,
        method,
        ...(json !== undefined && { body: JSON.stringify(json) }),
      }),
    sink: (path: string, body: object) =>
      throughGate(() =>
        call(`${sink.baseUrl}/rest/orgs/${sink.orgId}/incidents${path}`, {
          ...sinkKey,
          method: 'POST',
          body: body instanceof FormData ? body : JSON.stringify(body),
        }),
      ),
  }
}

type Ends = ReturnType<typeof ends>

async function carryOver({ desk, sink }: Ends, ticket: Ticket): Promise<void> {
  const { ticketId, status, priority, dateCreated, detailedDescription: content, worklogs } = ticket
  const { id } = (await sink('', {
    name: `Secureworks CTP Incident - for Ticket ID ${ticketId}`,
    discovered_date: dateCreated,
    description: { format: 'text', content },
    properties: {
      scwx_ctp_ticket_id: ticketId,
      scwx_ctp_status: status,
      scwx_ctp_priority: priority,
    },
  })) as { readonly id: number }
  for (const { description } of worklogs.toReversed()) {
    await sink(`/${id}/comments`, { text: { format: 'text', content: description } })
  }
  for (const { id: attachmentId, name } of ticket.attachmentInfo) {
    const answer = await desk('GET', `${ticketId}/attachments/${attachmentId}`)
    const { attachment } = answer as { readonly attachment: { readonly content: string } }
    const form = new FormData()
    form.set('file', new Blob([Buffer.from(attachment.content, 'base64')]), name)
    await sink(`/${id}/attachments`, form)
  }
}

async function run(order: FloorOrder): Promise<FloorResult> {
  const both = ends(order)
  const from = performance.now()
  let tickets = 0
  for (let isFull = true; isFull; ) {
    const answer = await both.desk(
      'POST',
      `updates?limit=${pageSize}&ticketType=INCIDENT&groupingType=SECURITY`,
    )
    const page = (answer as { readonly tickets: readonly Ticket[] }).tickets
    for (let at = 0; at < page.length; at += acknowledgedAtOnce) {
      const some = page.slice(at, at + acknowledgedAtOnce)
      const ticketVersions = some.map(({ ticketId, version }) => ({ ticketId, version }))
      await both.desk('POST', 'acknowledge', { ticketVersions })
    }
    const left = page.values()
    const worker = async () => {
      for (const ticket of left) await carryOver(both, ticket)
    }
    await Promise.all(Array.from({ length: order.tickets }, worker))
    tickets += page.length
    isFull = page.length === pageSize
  }
  return { seconds: (performance.now() - from) / 1000, tickets }
}

process.on('message', (order: FloorOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ failure: String(error) }),
  )
})
console.log('listening on messages')
