/** The simulator's own addresses below `/_sim`, for trials by hand; the product has nothing like it. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { badRequest, errorAnswer, isObject, jsonAnswer, RequestError } from './answers.ts'
import { contents } from './attachments.ts'
import { type FaultOrder, readFaultOrder } from './fault-order.ts'
import type { IncidentStore } from './incident-store.ts'
import type { Operator } from './operator.ts'

export interface ControlOptions {
  readonly operator: Operator
  readonly store: IncidentStore
  order(fault: FaultOrder): void
  clearFaults(): void
  log(): unknown
}

type Handler = (params: readonly string[], request: RecordedRequest) => Answer

export function createControl(options: ControlOptions): (request: RecordedRequest) => Answer {
  const { operator, store } = options
  const whole = (id: number) => {
    const incident = operator.incident(id)
    if (incident === undefined) throw new RequestError(404, 'incident not found')
    const attachments = operator.attachments(id).map(({ bytes, ...file }) => file)
    return { ...incident, comments: operator.comments(id), attachments }
  }
  const routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
    ['GET', /^\/incidents$/, () => jsonAnswer(200, operator.incidents())],
    ['GET', /^\/incidents\/(\d+)$/, ([id]) => jsonAnswer(200, whole(Number(id)))],
    [
      'GET',
      /^\/incidents\/(\d+)\/attachments\/(\d+)$/,
      ([id, fileId]) => {
        const file = store.attachments.get(Number(id), Number(fileId))
        if (file === undefined) throw new RequestError(404, 'attachment not found')
        // Whatever the file is, a browser saves it.
        return contents(file, 'application/octet-stream')
      },
    ],
    [
      'POST',
      /^\/incidents\/(\d+)\/close$/,
      ([id], request) => {
        const { resolution, summary, closeCode } = readTexts(request, ['resolution', 'summary', 'closeCode'])
        whole(Number(id))
        const by = {
          ...(resolution !== undefined && { resolution }),
          ...(summary !== undefined && { summary }),
          ...(closeCode !== undefined && { closeCode }),
        }
        return jsonAnswer(200, operator.closeByAnalyst(Number(id), by))
      },
    ],
    [
      'POST',
      /^\/incidents\/(\d+)\/reopen$/,
      ([id]) => {
        whole(Number(id))
        return jsonAnswer(200, operator.reopenByAnalyst(Number(id)))
      },
    ],
    [
      'POST',
      /^\/incidents\/(\d+)\/edit$/,
      ([id], request) => {
        whole(Number(id))
        return jsonAnswer(200, operator.edit(Number(id), readBody(request)))
      },
    ],
    [
      'POST',
      /^\/incidents\/(\d+)\/comment$/,
      ([id], request) => {
        whole(Number(id))
        const { text = '', user } = readTexts(request, ['text', 'user'])
        const by = user === undefined ? {} : { user }
        return jsonAnswer(200, operator.addComment(Number(id), text, by))
      },
    ],
    [
      'DELETE',
      /^\/incidents\/(\d+)$/,
      ([id]) => {
        whole(Number(id))
        operator.deleteIncident(Number(id))
        return jsonAnswer(200, { deleted: Number(id) })
      },
    ],
    [
      'POST',
      /^\/faults$/,
      (_params, request) => {
        options.order(readFaultOrder(readBody(request)))
        return jsonAnswer(200, { queued: true })
      },
    ],
    [
      'DELETE',
      /^\/faults$/,
      () => {
        options.clearFaults()
        return jsonAnswer(200, { cleared: true })
      },
    ],
    ['GET', /^\/log$/, () => jsonAnswer(200, options.log())],
  ]
  return (request) => {
    const [path = ''] = request.url.replace(/^\/_sim/, '').split('?')
    try {
      for (const [method, pattern, handler] of routes) {
        const found = method === request.method ? pattern.exec(path) : null
        if (found !== null) return handler(found.slice(1), request)
      }
      const known = routes.map(([method, pattern]) => `${method} /_sim${readable(pattern)}`)
      throw new RequestError(404, `No such address. There are: ${known.join(', ')}.`)
    } catch (error) {
      if (error instanceof RequestError) return errorAnswer(error)
      throw error
    }
  }
}

function readable({ source }: RegExp): string {
  return source.replaceAll('(\\d+)', '{id}').replace(/[\\^$]/g, '')
}

function readBody({ body }: RecordedRequest): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = body === '' ? {} : JSON.parse(body)
  } catch {
    throw badRequest('The body is no JSON.')
  }
  if (!isObject(value)) throw badRequest('The body must be an object.')
  return value
}

function readTexts<N extends string>(
  request: RecordedRequest,
  names: readonly N[],
): Readonly<Partial<Record<N, string>>> {
  const body = readBody(request)
  const found: Partial<Record<N, string>> = {}
  for (const [name, value] of Object.entries(body)) {
    const known = names.find((each) => each === name)
    if (known === undefined) throw badRequest(`"${name}" is not known; there are: ${names.join(', ')}.`)
    if (typeof value !== 'string') throw badRequest(`"${name}" must be a string.`)
    found[known] = value
  }
  return found
}
