/** Who changed what, and who was refused: an entry of the audit log before the answer is sent. */
import type { FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify'
import type { Logger } from 'pino'
import { type AuditContext, auditBacklog, noteAudit } from '../store/note-audit.ts'
import type { App } from './app.ts'
import { refusals } from './refusals.ts'
import { isLookedUp } from './shown-path.ts'

export interface AuditOptions extends Omit<AuditContext, 'log' | 'backlog'> {
  readonly log: Logger
}

/** Methods by which a route may change something: each such route says what it is called, or that it does not. */
export const changingMethods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

const sweepMs = 60_000
const longestText = 200

/** An onlooker of the server. Routes tell by `config.audit` what they do. */
export function auditing(options: AuditOptions): (app: App) => void {
  return (app) => {
    const underWay = new Set<Promise<void>>()
    const backlog = auditBacklog(options)
    const note = (entry: Parameters<typeof noteAudit>[0], log: AuditContext['log'] = options.log) => {
      const written = noteAudit(entry, { ...options, log, backlog })
      underWay.add(written)
      return written.finally(() => underWay.delete(written))
    }
    // Apart, so that strangers who knock can't crowd out what known keys do.
    const strangers = refusals((entry) => note(entry), options.now)
    const refused = refusals((entry) => note(entry), options.now)
    const refusalOf = (request: FastifyRequest, status: number) => ({
      ...whoOf(request),
      ...{ status, code: request.failure?.code ?? '', route: routeOf(request) },
    })
    app.addHook('onSend', (request, { statusCode }, payload, done) => {
      if (isStranger(statusCode)) {
        // Nobody waits for it: they would notice who is known.
        void strangers.note({ ...refusalOf(request, statusCode), action: 'keys.refused', subject: null })
      }
      done(null, payload)
    })
    const tellChange: onSendHookHandler = (request, reply, payload, done) => {
      const status = reply.statusCode
      const action = isStranger(status) ? false : actionOf(request, reply)
      if (action === false) return done(null, payload)
      const subject = subjectOf(request, status)
      const written =
        status >= 400 && status < 500
          ? refused.note({ ...refusalOf(request, status), action, subject })
          : note({ ...whoOf(request), action, subject, status }, request.log)
      if (written === undefined) done(null, payload)
      else void written.then(() => done(null, payload))
    }
    // Only where something may change: most requests read.
    app.addHook('onRoute', (route) => {
      if (route.config?.audit)
        route.onSend = [...(route.onSend === undefined ? [] : [route.onSend].flat()), tellChange]
    })
    let sweeping: NodeJS.Timeout | undefined
    app.addHook('onReady', async () => {
      const sweep = () => {
        strangers.sweep()
        refused.sweep()
      }
      sweeping = setInterval(sweep, sweepMs).unref()
    })
    app.addHook('onClose', async () => {
      clearInterval(sweeping)
      strangers.flush()
      refused.flush()
      await Promise.all(underWay)
      await backlog.end()
    })
  }
}

/** Refused for the key. */
function isStranger(status: number): boolean {
  return status === 401 || status === 403
}

function whoOf(request: FastifyRequest) {
  return { key: request.key, address: request.address, requestId: request.id }
}

function routeOf({ method, route }: FastifyRequest): string {
  return `${method} ${route?.url ?? ''}`
}

function actionOf(request: FastifyRequest, { statusCode }: FastifyReply): string | false {
  // More than the key may ask was not carried out, and could be asked for without end.
  if (statusCode === 429) return false
  const rule = request.route?.audit ?? false
  return typeof rule === 'function' ? rule(request) : rule
}

/** What the address names: of what there is not, and what can't be read, nothing is known. */
function subjectOf({ params }: FastifyRequest, status: number): string | null {
  if (!isLookedUp(status)) return null
  const names = Object.values((params ?? {}) as Record<string, string>)
  return names.length === 0 ? null : names.join('/').slice(0, longestText)
}
