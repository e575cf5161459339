/** The doctor of an IBM SOAR sink: what it needs, looked at in the order in which one failure hides the next. */
import type { Finding } from '../../connector.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../errors.ts'
import type { Ticket } from '../../model/ticket.ts'
import { templateKinds } from '../incident-sink.ts'
import { Refused } from '../refused.ts'
import type { SoarClient } from './client.ts'
import { closeFields, closingValues } from './closing.ts'
import { type Fields, type KnownFields, labelLike, labelsOf } from './fields.ts'
import { missingFields } from './install.ts'
import { checkedPayload } from './payload.ts'
import type { Templates } from './render.ts'
import type { IbmSoarSettings } from './settings.ts'
import { TemplateError } from './templates/template-error.ts'
import { isEmpty, listed } from './values.ts'
import { closeCodeField, custom, isObject, ticketIdField } from './wire.ts'

export interface CheckOptions {
  readonly client: SoarClient
  readonly known: KnownFields
  readonly templates: Templates
  readonly settings: IbmSoarSettings
  readonly signal: AbortSignal
}

export async function checkSoar(options: CheckOptions): Promise<Finding[]> {
  const { client, known, signal, settings } = options
  const readable = templatesFinding(options)
  const proved: string[] = []
  const steps: readonly (readonly [proves: readonly string[], prove: () => Promise<void>])[] = [
    [['connection', 'credentials', 'organisation'], () => proveSession(client, settings, signal)],
    [['api', 'reading'], () => client.ping(signal)],
  ]
  for (const [proves, prove] of steps) {
    const failure = await failureOf(prove)
    if (failure !== undefined) return [...diagnosed(failure, proved, proves.at(-1) ?? ''), readable]
    proved.push(...proves)
  }
  known.forget()
  let fields: Fields | undefined
  const failure = await failureOf(async () => {
    fields = await known.get(signal)
  })
  const reached = order.map(passed)
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

/** Some installations let no API key ask for the session: a configured id is proved by the search that follows. */
async function proveSession(
  client: SoarClient,
  { orgId }: IbmSoarSettings,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.proveSession(signal)
  } catch (error) {
    const isRefused = error instanceof UpstreamError && error.status === 403
    if (!isRefused || orgId === undefined) throw error
    await client.ping(signal)
  }
}

async function failureOf(prove: () => Promise<void>): Promise<UpstreamError | undefined> {
  try {
    await prove()
    return undefined
  } catch (error) {
    if (error instanceof UpstreamError) return error
    throw error
  }
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

const diagnoses: Readonly<Record<UpstreamErrorKind, { readonly name: string; readonly remedy: string }>> = {
  unavailable: {
    name: 'connection',
    remedy:
      'Check the host of baseUrl, DNS, the firewall, and proxy and tls of the incident sink; if SOAR itself answered, wait for it.',
  },
  timeout: {
    name: 'connection',
    remedy: 'Check the network and the firewall, or raise timeout of the incident sink.',
  },
  'outcome-unknown': { name: 'connection', remedy: 'Run the check again.' },
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
  'clock-skew': { name: 'clock', remedy: 'Set the clock of this machine by NTP.' },
}

/**
 * @param proved by what went well before: it is not taken back
 * @param step what the failed request was to prove
 */
function diagnosed(error: UpstreamError, proved: readonly string[], step: string): Finding[] {
  const { name: usual, remedy } = diagnoses[error.kind]
  const name = proved.includes(usual) ? step : usual
  const reached = order.indexOf(name)
  // What answers, if only to refuse, was connected to.
  const before = order.filter((each, at) => each !== name && (at < reached || proved.includes(each)))
  const isCertificate = error.message.includes('certificate') && error.status === undefined
  return [...before.map(passed), failed(name, error.message, isCertificate ? caRemedy : remedy)]
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
  if (lacking.length === 0) return passed('rights')
  return failed(
    'rights',
    `The API key may not: ${lacking.join(', ')} (of an incident of a ticket).`,
    rightsRemedy,
  )
}

function fieldsFinding(fields: Fields): Finding {
  const missing = missingFields(fields).map(({ name }) => name)
  if (missing.length === 0) return passed('fields')
  return failed(
    'fields',
    `IBM SOAR lacks the fields ${missing.join(', ')}.`,
    'Run `feed-server install-fields BRIDGE`: it makes them, and changes none that exist. The API key needs the right Org Data Edit for that.',
  )
}

function templatesFinding({ templates }: Pick<CheckOptions, 'templates'>): Finding {
  const problems = templateKinds.flatMap((kind) => {
    try {
      templates.prove(kind)
      return []
    } catch (error) {
      return [templateWords(kind, error)]
    }
  })
  if (problems.length === 0) return passed('templates')
  return failed(
    'templates',
    `${problems.join('; ')}.`,
    'Correct the template at the place that is named, or leave the setting out.',
  )
}

function templateWords(kind: string, error: unknown): string {
  if (error instanceof TemplateError || error instanceof Refused) return error.message
  if (error instanceof Error && 'code' in error)
    return `template ${kind}: its file can not be read (${String(error.code)})`
  throw error
}

/** What the templates give for tickets as they usually are. */
async function payloadFinding(options: CheckOptions): Promise<Finding> {
  const problems = new Set<string>()
  for (const kind of ['escalate', 'update'] as const) {
    for (const ticket of samples) {
      for (const problem of await problemsOf(kind, ticket, options))
        problems.add(`template ${kind}: ${problem}`)
    }
  }
  if (problems.size === 0) return passed('template fields')
  return failed(
    'template fields',
    `${[...problems].join('; ')}.`,
    'Have the templates give only fields and labels that the organisation has; `feed-server install-fields BRIDGE` makes those of the bridge.',
  )
}

async function problemsOf(
  kind: 'escalate' | 'update',
  ticket: Ticket,
  { templates, known, signal }: CheckOptions,
): Promise<readonly string[]> {
  try {
    const rendered = templates.fields(kind, ticket, {})
    return (await checkedPayload({ known, rendered, signal })).problems
  } catch (error) {
    if (error instanceof Refused) return [error.message]
    throw error
  }
}

/** Whether a closed ticket can close its incident. */
async function closingFinding(
  { templates, known, settings, signal }: CheckOptions,
  fields: Fields,
): Promise<Finding> {
  const ticket = closedSample
  const remedy = 'Have the close template fill them, or see that analysts do before a ticket is closed.'
  try {
    const labels = labelsOf(fields.get(custom(closeCodeField)))
    const rendered = templates.fields('close', ticket, { closeCode: labels[0] })
    const closing = { ticket, closeMap: settings.closeMap }
    const { value, problems } = await checkedPayload({
      known,
      rendered,
      adjust: (values, now) => closingValues(closing, values, now),
      signal,
    })
    if (problems.length > 0) return failed('closing', `template close: ${problems.join('; ')}.`, remedy)
    const filled = new Map(value.wanted.map(({ key, wire }) => [key, wire]))
    const open = closeFields(fields)
      .map(({ key }) => key)
      .filter((key) => isEmpty(filled.get(key)))
    const code = custom(closeCodeField)
    const never = open.filter((key) => key !== code)
    if (never.length > 0) {
      return failed(
        'closing',
        `IBM SOAR closes no incident without ${open.join(', ')}, and the close template leaves them empty.`,
        remedy,
      )
    }
    if (open.length === 0) return passed('closing')
    return {
      ...passed('closing'),
      cause: `IBM SOAR closes no incident without ${code}: closings whose reason closeMap does not name are refused.`,
      remedy: 'Set closeMap.default to a label, or make the field not required on close.',
    }
  } catch (error) {
    if (error instanceof Refused) return failed('closing', error.message, remedy)
    throw error
  }
}

function closeMapFinding({ closeMap, closeCodes }: IbmSoarSettings, fields: Fields): Finding {
  const labels = labelsOf(fields.get(custom(closeCodeField)))
  const unknown = (wanted: readonly string[]) => [
    ...new Set(wanted.filter((each) => labelLike(labels, each) === undefined)),
  ]
  const has = `${closeCodeField} has ${labels.length === 0 ? 'no values' : listed(labels)}`
  const wrong = unknown(Object.values(closeMap))
  if (wrong.length > 0) {
    return failed(
      'closeMap',
      `closeMap gives ${listed(wrong)}; ${has}.`,
      'Correct the labels in closeMap, or add them to the field in SOAR.',
    )
  }
  const unused = unknown(Object.keys(closeCodes).filter((key) => key !== 'default'))
  if (unused.length === 0) return passed('closeMap')
  return {
    ...passed('closeMap'),
    cause: `closeCodes names ${listed(unused)}; ${has}.`,
    remedy: 'Correct the labels in closeCodes: they are never met as they are.',
  }
}

function passed(name: string): Finding {
  return { name, ok: true }
}

function failed(name: string, cause: string, remedy: string): Finding {
  return { name, ok: false, cause, remedy }
}

const sample = (priority: string, more: Partial<Ticket> = {}): Ticket => {
  const at = 1_586_870_009_000
  const raw = {
    ...{
      ticketId: 'IN00000000',
      ticketType: 'INCIDENT',
      groupingType: 'SECURITY',
      status: more.status ?? 'Active',
    },
    ...{
      priority,
      requestType: 'Security Incident',
      symptomDescription: 'An example',
      detailedDescription: 'An example',
    },
    ...{ dateCreated: at, dateModified: at, contact: { id: '1', name: 'Example' }, category: 'Malware' },
    ...{
      categoryClass: 'Security',
      categoryType: 'Trojan',
      categoryItem: 'Example',
      source: 'SECURITY_EVENT',
    },
    ...{ client: { id: '1', name: 'Example' }, devices: [], worklogs: [], attachmentInfo: [], watchers: [] },
    ...(more.closingReason !== undefined && { reason: more.closingReason, dateClosed: at }),
  }
  return { id: 'IN00000000', closed: false, notes: [], attachments: [], oddities: [], ...more, raw }
}

const samples: readonly Ticket[] = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'].map((priority) => sample(priority))
const closedSample = sample('HIGH', {
  status: 'Closed',
  closed: true,
  closingReason: 'A reason that nothing names',
})
