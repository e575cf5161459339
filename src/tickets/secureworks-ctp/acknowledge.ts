/** Acknowledging versions: which answer belongs to which, and what is done when the whole list is refused for some of it. */
import { UpstreamError } from '../../errors.ts'
import { isObject } from '../../upstream/json.ts'
import type { Acknowledgement } from '../ticket-desk.ts'
import { idText } from './wire.ts'

export interface Version {
  readonly ticketId: string
  readonly version: string
}

const noAnswer = 'NO_ANSWER'

/** Of one call, so that a desk that refuses everything is not asked for each version. */
const mostRequests = 32

/**
 * A list that is refused as a whole is sent in halves, until what is at fault stands alone: one ticket that the desk does
 * not know any more must not keep the others waiting.
 * @param send one request @returns the list that was answered
 * @throws UpstreamError what `send` throws, but for what is about some of the versions; that too where none of several
 * was answered
 */
export async function acknowledgeAll(
  versions: readonly Version[],
  send: (part: readonly Version[]) => Promise<readonly unknown[]>,
): Promise<readonly Acknowledgement[]> {
  let requests = 0
  let answered = false
  let refusal: UpstreamError | undefined
  const part = async (some: readonly Version[]): Promise<readonly Acknowledgement[]> => {
    if (requests === mostRequests) return some.map((version) => refused(version, 'NOT_TRIED'))
    requests += 1
    try {
      const answers = await send(some)
      answered = true
      return matched(some, answers)
    } catch (error) {
      if (!isAboutSome(error)) throw error
      refusal ??= error
      if (some.length === 1) return some.map((version) => refused(version, `HTTP_${error.status}`))
      const middle = Math.ceil(some.length / 2)
      return [...(await part(some.slice(0, middle))), ...(await part(some.slice(middle)))]
    }
  }
  const all = await part(versions)
  if (refusal !== undefined && !answered && versions.length > 1) throw refusal
  return all
}

function isAboutSome(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError) || error.status === undefined) return false
  return error.kind === 'rejected' || error.status === 409
}

function refused({ ticketId, version }: Version, code: string): Acknowledgement {
  return { ticketId, version, ok: false, code }
}

/**
 * By the ticket's id; a ticket that was sent with two versions has its answers in their order. By place where no answer
 * has an id and there is one for each.
 */
function matched(versions: readonly Version[], answers: readonly unknown[]): readonly Acknowledgement[] {
  const read = answers.map(readAnswer)
  const byPlace = read.length === versions.length && read.every(({ ticketId }) => ticketId === undefined)
  const waiting = new Map<string, string[]>()
  for (const { ticketId, code } of read) {
    if (ticketId !== undefined) waiting.set(ticketId, [...(waiting.get(ticketId) ?? []), code])
  }
  return versions.map(({ ticketId, version }, place) => {
    const found = byPlace ? read[place]?.code : waiting.get(ticketId)?.shift()
    const code = found ?? noAnswer
    return { ticketId, version, ok: code === 'SUCCESS', code }
  })
}

function readAnswer(answer: unknown): { readonly ticketId?: string; readonly code: string } {
  if (!isObject(answer)) return { code: noAnswer }
  // Other calls spell it with a capital D.
  const ticketId = idText(answer.ticketId ?? answer.ticketID)
  const { code } = answer
  return {
    ...(ticketId !== undefined && { ticketId }),
    code: typeof code === 'string' && code !== '' ? shown(code) : noAnswer,
  }
}

function shown(code: string): string {
  return code
    .replace(/\p{C}+/gu, ' ')
    .slice(0, 100)
    .toWellFormed()
}
