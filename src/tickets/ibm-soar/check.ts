/** The doctor of an IBM SOAR sink: what it needs, looked at in the order in which one failure hides the next. */
import { UpstreamError } from '../../errors.ts'
import {
  type Diagnoses,
  type Diagnosis,
  diagnosed,
  failureOf,
  proveInTurn,
  usualDiagnoses,
} from '../../upstream/diagnosis.ts'
import { type Finding, failed, passed } from '../../upstream/finding.ts'
import { isObject } from '../../upstream/json.ts'
import type { SoarClient } from './client.ts'
import type { Fields } from './fields.ts'
import {
  closeMapFinding,
  closingFinding,
  type Examined,
  fieldsFinding,
  payloadFinding,
  templatesFinding,
} from './findings.ts'
import type { IbmSoarSettings } from './settings.ts'
import { custom, type Json, ticketIdField } from './wire.ts'

export interface CheckOptions extends Examined {
  readonly client: SoarClient
}

export async function checkSoar(options: CheckOptions): Promise<Finding[]> {
  const { client, known, signal, settings } = options
  const readable = templatesFinding(options)
  const seen = new Map<string, string>()
  const reach = await proveInTurn([
    {
      proves: ['connection', 'credentials', 'organisation'],
      prove: async () => void seen.set('organisation', await proveSession(client, settings, signal)),
    },
    {
      proves: ['api', 'reading'],
      prove: async () => void seen.set('reading', incidentsWords(await client.ping(signal))),
    },
  ])
  if (reach.failure !== undefined) {
    const { error, step } = reach.failure
    return [...diagnosed(error, diagnosisOf(error), { order, proved: reach.proved, step }), readable]
  }
  seen.set('api', await serverWords(client, signal))
  known.forget()
  let fields: Fields | undefined
  const failure = await failureOf(async () => {
    fields = await known.get(signal)
  })
  const reached = order.map((name) => passed(name, seen.get(name)))
  if (failure !== undefined) return [...reached, failed('fields', failure.message, apiRemedy), readable]
  if (fields === undefined) return [...reached, failed('fields', fieldsRefused, rightsRemedy), readable]
  return [
    ...reached,
    await rightsFinding(client, signal),
    fieldsFinding(fields),
    readable,
    ...(readable.ok ? [await payloadFinding(options), await closingFinding(options, fields)] : []),
    closeMapFinding(settings, fields),
  ]
}

/**
 * Some installations let no API key ask for the session: a configured id is proved by the search that follows.
 * @returns the organisation, in words
 */
async function proveSession(
  client: SoarClient,
  { orgId }: IbmSoarSettings,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { id, name } = await client.proveSession(signal)
    return `${name} (${id})`
  } catch (error) {
    const isRefused = error instanceof UpstreamError && error.status === 403
    if (!isRefused || orgId === undefined) throw error
    await client.ping(signal)
    return `${orgId}, as configured: the API key may not ask which there are`
  }
}

function incidentsWords(total: number): string {
  return Number.isFinite(total) ? `${total} incidents` : 'incidents can be searched'
}

/** What the server tells of itself; some tell it to no API key. */
async function serverWords(client: SoarClient, signal: AbortSignal): Promise<string> {
  let constants: Json = {}
  const failure = await failureOf(async () => {
    constants = await client.constants(signal)
  })
  if (failure !== undefined) return 'the server tells neither its version nor its limits'
  const { server_version: version, max_attachment_mb: limit } = constants
  const number = isObject(version) && typeof version.version === 'string' ? version.version : undefined
  return [
    ...(number === undefined ? [] : [`version ${number.slice(0, 40)}`]),
    ...(typeof limit === 'number' ? [`files of up to ${limit} MB`] : []),
  ].join(', ')
}

const order = ['connection', 'api', 'credentials', 'organisation', 'reading']

const apiRemedy =
  'Set baseUrl to the address of the SOAR server itself, and see that no proxy or login page answers in its place.'

const rightsRemedy =
  'Give the API key these rights in SOAR: Incidents Read and Create; Edit Incidents Fields, Status, Notes and ' +
  'Attachments; Org Data Read, and Edit to install fields.'

const fieldsRefused =
  'The API key may not read the fields of incidents, so templates can not be checked before they are used.'

const caRemedy =
  'Save the certificate of the server, or of the authority that signed it, as a PEM file and name it in tls.caFile of ' +
  'the incident sink. The host of baseUrl must be one that the certificate names.'

const diagnoses: Diagnoses = {
  ...usualDiagnoses,
  unavailable: {
    name: 'connection',
    remedy:
      'Check the host of baseUrl, DNS, the firewall, and proxy and tls of the incident sink; if SOAR itself answered, wait for it.',
  },
  timeout: {
    name: 'connection',
    remedy: 'Check the network and the firewall, or raise timeout of the incident sink.',
  },
  unreadable: { name: 'api', remedy: apiRemedy },
  rejected: { name: 'api', remedy: apiRemedy },
  address: {
    name: 'api',
    remedy: `${apiRemedy} Where orgId is set, see that there is such an organisation.`,
  },
  credentials: {
    name: 'credentials',
    remedy:
      'Set apiKeyId and apiKeySecret to those of an API key of SOAR (Administrator Settings > API Keys). See there that it is ' +
      'not blocked, and that the address of this machine is not banned.',
  },
  permission: {
    name: 'organisation',
    remedy: `Set org to the name of an enabled organisation of the API key; where it may not ask for them, set orgId. ${rightsRemedy}`,
  },
  throttled: { name: 'limits', remedy: 'Wait some minutes; set requestsPerMinute of the incident sink.' },
}

function diagnosisOf({ kind, message, status }: UpstreamError): Diagnosis {
  const isCertificate = message.includes('certificate') && status === undefined
  return isCertificate ? { ...diagnoses[kind], remedy: caRemedy } : diagnoses[kind]
}

/** As far as an incident of a ticket tells. */
async function rightsFinding(client: SoarClient, signal: AbortSignal): Promise<Finding> {
  const conditions = [{ field_name: custom(ticketIdField), method: 'has_a_value' }]
  const untold: Finding = {
    name: 'rights',
    ok: true,
    cause: 'Whether the API key may write was not looked at: only an incident of a ticket tells.',
    remedy: rightsRemedy,
  }
  let perms: unknown
  const failure = await failureOf(async () => {
    const { rows } = await client.query({ conditions, start: 0, length: 1 }, signal)
    if (rows[0] !== undefined) perms = (await client.incident(String(rows[0].id), signal)).perms
  })
  if (failure !== undefined || !isObject(perms)) return untold
  const told = perms
  const lacking = ['write', 'close', 'comment', 'attach_file'].filter((right) => told[right] === false)
  if (lacking.length === 0)
    return passed('rights', 'an incident of a ticket may be changed, closed, commented')
  return failed(
    'rights',
    `The API key may not: ${lacking.join(', ')} (of an incident of a ticket).`,
    rightsRemedy,
  )
}
