/** The doctor of everything: the server, its sources, exporters and bridges. */
import Type from 'typebox'
import { examine, type Patient, parts, type Report } from '../../doctor/doctor.ts'
import { ServiceError } from '../../errors.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { describeError } from '../describe-error.ts'
import { answer, Enum, problemAnswer, problems } from '../schema.ts'
import { checkAnswer } from './check-schema.ts'

export interface DoctorRoutesOptions {
  /** What is configured now. */
  patients(): readonly Patient[]
  /** Milliseconds since the epoch. */
  now(): number
}

const Query = Type.Object({
  name: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'Only what has this name: `server`, or that of a source, exporter or bridge.',
      examples: ['tc'],
    }),
  ),
  part: Type.Optional(Enum(parts, { description: 'Only what is of this part.', examples: ['source'] })),
})

const { ok, checks } = checkAnswer(
  'What was looked at; of a bridge, that of the desk begins with `desk `, that of the sink with `sink `',
).properties

const Answer = Type.Object({
  ok: Type.Boolean({ description: 'Whether every check of all of them is good.' }),
  at: Type.String({ format: 'date-time', description: 'When the first look began.' }),
  data: Type.Array(Type.Object({ part: Enum(parts), name: Type.String(), ok, checks }), {
    description: 'The server first, then in the order of the configuration.',
  }),
})

export function doctorRoutes({ patients, now }: DoctorRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/doctor',
      config: { scope: 'admin' },
      schema: {
        operationId: 'getDoctor',
        summary: 'Look at everything: what is wrong, why, and how to mend it',
        description:
          'Looks at the server itself (configuration, store, clock, disk, open files), and asks every source, exporter and bridge; four at once, nothing is changed anywhere. The answer comes when the last of them is done, which takes as long as the slowest product; a client that goes away ends it. It is 200 whatever is found: `ok` tells.',
        tags: ['Server'],
        querystring: Query,
        response: {
          200: answer('What was found.', Answer, example),
          ...problems(400, 401, 403, 429, 500),
          404: problemAnswer({
            description: 'Nothing has this name, or nothing of this part.',
            code: 'PATIENT_UNKNOWN',
            detail: 'nothing is named "tcc"; there are: server, tc, darktrace, ctp',
          }),
          ...problems(503),
        },
      },
      handler: async (request, reply) => {
        const { name, part } = request.query
        const at = new Date(now()).toISOString()
        const chosen = choose(patients(), name, part)
        const onFault = (error: unknown, ill: Pick<Patient, 'part' | 'name'>) =>
          request.log.error({ error: describeError(error), ...ill }, 'a check failed of itself')
        const data: Report[] = []
        for await (const report of examine(chosen, whileConnected(request, reply), onFault)) data.push(report)
        return { ok: data.every((report) => report.ok), at, data }
      },
    })
  }
}

/** @throws ServiceError PATIENT_UNKNOWN for a name that none of them has */
function choose(
  patients: readonly Patient[],
  name: string | undefined,
  part: string | undefined,
): readonly Patient[] {
  const ofPart = patients.filter((patient) => part === undefined || patient.part === part)
  const chosen = ofPart.filter((patient) => name === undefined || patient.name === name)
  if (name === undefined || chosen.length > 0) return chosen
  const names = [...new Set(ofPart.map((patient) => patient.name))].join(', ') || 'none'
  const what = part === undefined ? 'nothing' : `no ${part}`
  throw new ServiceError('PATIENT_UNKNOWN', `${what} is named "${name}"; there are: ${names}`)
}

const example = {
  ok: false,
  at: '2026-03-10T12:00:00.000Z',
  data: [
    {
      part: 'server',
      name: 'server',
      ok: true,
      checks: [
        {
          name: 'configuration',
          ok: true,
          evidence: 'feed-server.yaml, 1 source, 3 feeds, 1 exporter, 0 bridges, 2 API keys',
        },
        { name: 'store', ok: true, evidence: 'embedded PostgreSQL 18.4, answers in 0.4 ms, schema 6' },
      ],
    },
    {
      part: 'source',
      name: 'tc',
      ok: false,
      checks: [
        { name: 'connection', ok: true },
        {
          name: 'credentials',
          ok: false,
          cause: 'ThreatConnect knows the access id, but the secret key is not the one that belongs to it',
          remedy: 'Set `secretKey` to the secret key of this access id.',
        },
      ],
    },
  ],
}
