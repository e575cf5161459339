/** The calls of the CTP ticket API, and their answers checked. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { RawTicket } from '../../model/ticket.ts'
import type { HttpClient } from '../../upstream/http-client.ts'
import { isObject, type Members } from '../../upstream/json.ts'
import type { Acknowledgement, DownloadedFile, WaitingPage } from '../ticket-desk.ts'
import { acknowledgeAll, type Version } from './acknowledge.ts'
import { type ApiAnswer, type ApiOptions, CtpApi, isTooLarge, unreadable } from './api.ts'
import { mostAnswerBytes, readFile } from './file.ts'
import { readOne, readPage } from './page.ts'
import { TooDeep } from './plain.ts'
import { doubtful, wordsIn } from './refusal.ts'
import { isAddressable, likeness, type Queue, service, ticketPath, updatesPath } from './wire.ts'

/** A page of tickets with long worklogs can be large. */
const mostPageBytes = 64 * 1_048_576

export class CtpClient {
  readonly #api: CtpApi
  readonly #log: Logger

  constructor(http: HttpClient, options: ApiOptions, log: Logger) {
    this.#api = new CtpApi(http, options)
    this.#log = log
  }

  /** A page that is too large is asked for again with fewer tickets. @throws UpstreamError, as all below */
  async updates(queue: Queue, limit: number, signal: AbortSignal): Promise<WaitingPage> {
    try {
      const path = updatesPath(this.#api.base, queue, limit)
      const call = { method: 'POST', path, place: 'api', repeatable: true, maxBytes: mostPageBytes } as const
      const { body, status } = await this.#api.send(call, signal)
      return readPage(listOf(body, 'tickets', status, this.#api.clean), limit)
    } catch (error) {
      if (limit === 1 || !isTooLarge(error, mostPageBytes)) throw error
      return this.updates(queue, Math.ceil(limit / 4), signal)
    }
  }

  async acknowledge(versions: readonly Version[], signal: AbortSignal): Promise<readonly Acknowledgement[]> {
    return acknowledgeAll(versions, async (part) => {
      const ticketVersions = part.map(({ ticketId, version }) => ({ ticketId, version }))
      const path = `${this.#api.base}/tickets/acknowledge`
      const call = {
        method: 'POST',
        path,
        body: { ticketVersions },
        place: 'ticket',
        repeatable: true,
      } as const
      const { body, status } = await this.#api.send(call, signal)
      if (Array.isArray(body)) return body.map((each) => withCleanCode(each, this.#api.clean))
      const what = `the acknowledgement with ${likeness(body)}, not a list`
      throw unreadable(what + saidIn(body, this.#api.clean), status)
    })
  }

  /** Tickets of a type that changed and were not acknowledged. */
  async count(ticketType: string, signal: AbortSignal): Promise<number> {
    return this.#api.count(ticketType, signal)
  }

  /** @returns undefined: there is none of this id */
  async ticket(ticketId: string, signal: AbortSignal): Promise<RawTicket | undefined> {
    if (!isAddressable(ticketId)) return undefined
    const path = `${ticketPath(this.#api.base, ticketId)}?includeWorklogs=true`
    const answer = await this.#find(path, signal)
    if (answer === undefined) return undefined
    const { body, status } = answer
    if (!isObject(body) || body.ticketId === undefined) throw unreadable('without a ticket', status)
    try {
      const raw = readOne(body, ticketId)
      if (raw === undefined)
        this.#log.warn({ ticketId }, 'the desk answered with another ticket than was asked for')
      return raw
    } catch (error) {
      if (error instanceof TooDeep)
        throw unreadable(`with a ticket that can't be taken: ${error.message}`, status)
      throw error
    }
  }

  /** @returns undefined: the desk tells none */
  async closeCodes(ticketId: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const answer = await this.#find(ticketPath(this.#api.base, ticketId, 'close-codes'), signal)
    if (answer?.body === undefined) return undefined
    const codes = listOf(answer.body, 'closeCodes', answer.status, this.#api.clean)
    const texts = codes.filter((code): code is string => typeof code === 'string' && code !== '')
    if (texts.length < codes.length) throw unreadable('with close codes that are no texts', answer.status)
    return texts.length === 0 ? undefined : texts
  }

  async attachment(
    ticketId: string,
    attachmentId: string,
    { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<DownloadedFile> {
    const path = ticketPath(this.#api.base, ticketId, 'attachments', attachmentId)
    const most = mostAnswerBytes(maxBytes)
    try {
      const call = { method: 'GET', path, place: 'ticket', repeatable: true, maxBytes: most } as const
      const { body, status } = await this.#api.send(call, signal)
      const file = readFile(body, maxBytes)
      if ('wrong' in file) throw unreadable(file.wrong, status)
      return file
    } catch (error) {
      if (isTooLarge(error, most)) return { tooLarge: true }
      throw error
    }
  }

  async close(
    ticketId: string,
    closeCode: string,
    note: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const worklog = note === undefined || note === '' ? {} : { worklogContent: note.toWellFormed() }
    await this.#write([ticketId, 'close'], { closeCode, ...worklog }, signal)
  }

  async addWorklog(ticketId: string, content: string, signal: AbortSignal): Promise<void> {
    await this.#write([ticketId, 'worklogs'], { content: content.toWellFormed() }, signal)
  }

  async assign(ticketId: string, worklog: string, signal: AbortSignal): Promise<void> {
    await this.#write([ticketId, 'assign'], { worklog: worklog.toWellFormed() }, signal)
  }

  /** @param changes only what is to change */
  async update(
    ticketId: string,
    changes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#write([ticketId], changes, signal)
  }

  async #write(
    [ticketId, ...parts]: readonly [string, ...string[]],
    body: Members,
    signal: AbortSignal,
  ): Promise<void> {
    const path = ticketPath(this.#api.base, ticketId, ...parts)
    const answer = await this.#api.send(
      { method: 'POST', path, body, place: 'ticket', repeatable: false },
      signal,
    )
    // What was refused is answered with a code: no content is a yes.
    if (answer.body === undefined) return
    const said = isObject(answer.body) ? (answer.body.assignTicketToSoc ?? answer.body) : undefined
    const code = isObject(said) ? said.code : undefined
    if (typeof code !== 'string') throw unreadable('without a code', answer.status)
    if (code === 'SUCCESS') return
    const words = isObject(said) && typeof said.message === 'string' ? `${code}: ${said.message}` : code
    throw new UpstreamError('rejected', `Secureworks refused the request: ${this.#api.clean(words)}`, {
      service,
      status: answer.status,
      code: this.#api.clean(code).slice(0, 60),
    })
  }

  async #find(path: string, signal: AbortSignal): Promise<ApiAnswer | undefined> {
    try {
      return await this.#api.send({ method: 'GET', path, place: 'ticket', repeatable: true }, signal)
    } catch (error) {
      const isMissing = error instanceof UpstreamError && error.kind === 'rejected' && error.status !== 403
      if (isMissing && doubtful.has(error.status)) return undefined
      throw error
    }
  }
}

/** It is shown to people. */
function withCleanCode(answer: unknown, clean: (text: string) => string): unknown {
  if (!isObject(answer) || typeof answer.code !== 'string' || answer.code === 'SUCCESS') return answer
  return { ...answer, code: clean(answer.code) }
}

function listOf(
  body: unknown,
  name: string,
  status: number,
  clean: (text: string) => string,
): readonly unknown[] {
  const list = isObject(body) ? body[name] : undefined
  if (Array.isArray(list)) return list
  const what = isObject(body) ? `"${name}" as ${likeness(list)}` : likeness(body)
  throw unreadable(`with ${what}, not with a list "${name}"${saidIn(body, clean)}`, status)
}

/** What a 200 says of something that went wrong. */
function saidIn(body: unknown, clean: (text: string) => string): string {
  const words = isObject(body) ? clean(wordsIn(body)) : ''
  return words === '' ? '' : `: ${words}`
}
