/** What the doctor finds of templates, fields and close codes; each a line of its report. */
import type { Ticket } from '../../model/ticket.ts'
import { type Finding, failed, passed } from '../../upstream/finding.ts'
import { templateKinds } from '../incident-sink.ts'
import { Refused } from '../refused.ts'
import { closeFields, closingValues } from './closing.ts'
import { type Fields, type KnownFields, labelLike, labelsOf } from './fields.ts'
import { missingFields, neededFields } from './install.ts'
import { checkedPayload } from './payload.ts'
import type { Templates } from './render.ts'
import type { IbmSoarSettings } from './settings.ts'
import { TemplateError } from './templates/template-error.ts'
import { isEmpty, listed } from './values.ts'
import { closeCodeField, custom } from './wire.ts'

export interface Examined {
  readonly known: KnownFields
  readonly templates: Templates
  readonly settings: IbmSoarSettings
  readonly signal: AbortSignal
}

export function fieldsFinding(fields: Fields): Finding {
  const missing = missingFields(fields).map(({ name }) => name)
  if (missing.length === 0) {
    return passed(
      'fields',
      `${fields.size} fields of incidents, all ${neededFields.length} of the bridge among them`,
    )
  }
  return failed(
    'fields',
    `IBM SOAR lacks the fields ${missing.join(', ')}.`,
    'Run `feed-server install-fields BRIDGE`: it makes them, and changes none that exist. The API key needs the right Org Data Edit for that.',
  )
}

export function templatesFinding({ templates }: Pick<Examined, 'templates'>): Finding {
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
export async function payloadFinding(options: Examined): Promise<Finding> {
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
  { templates, known, signal }: Examined,
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
export async function closingFinding(
  { templates, known, settings, signal }: Examined,
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

export function closeMapFinding({ closeMap, closeCodes }: IbmSoarSettings, fields: Fields): Finding {
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
  if (unused.length === 0) return passed('closeMap', has)
  return {
    ...passed('closeMap', has),
    cause: `closeCodes names ${listed(unused)}; ${has}.`,
    remedy: 'Correct the labels in closeCodes: they are never met as they are.',
  }
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
