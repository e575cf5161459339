/** The custom fields that a bridge needs, as the public app has them, and how missing ones are made. */
import { UpstreamError } from '../../errors.ts'
import type { SoarClient } from './client.ts'
import { type Fields, labelLike, readFields } from './fields.ts'
import type { IbmSoarSettings } from './settings.ts'
import { closeCodeField, custom, type Json, statusField, ticketIdField } from './wire.ts'

interface NeededField {
  readonly name: string
  /** What people read. */
  readonly text: string
  readonly inputType: 'text' | 'datetimepicker' | 'select'
}

const needed = (name: string, text: string, inputType: NeededField['inputType'] = 'text'): NeededField => ({
  name,
  text: `Secureworks CTP ${text}`,
  inputType,
})

export const neededFields: readonly NeededField[] = [
  needed(ticketIdField, 'ticketId'),
  needed('scwx_ctp_ticket_type', 'ticketType'),
  needed('scwx_ctp_grouping_type', 'groupingType'),
  needed('scwx_ctp_category', 'category'),
  needed('scwx_ctp_category_class', 'categoryClass'),
  needed('scwx_ctp_category_type', 'categoryType'),
  needed('scwx_ctp_category_item', 'categoryItem'),
  needed('scwx_ctp_contact_id', 'contact ID'),
  needed('scwx_ctp_contact_name', 'contact name'),
  needed('scwx_ctp_priority', 'priority'),
  needed('scwx_ctp_request_type', 'requestType'),
  needed('scwx_ctp_source', 'source'),
  needed(statusField, 'status'),
  needed('scwx_ctp_date_created', 'dateCreated', 'datetimepicker'),
  needed(closeCodeField, 'closeCode', 'select'),
]

/** Of the public app. */
const closeCodes: readonly string[] = [
  'Authorized Activity',
  'Confirmed Security Incident',
  'Duplicate',
  'Incident Misidentified',
  'Inconclusive',
  'Not Actionable',
  'Not Vulnerable',
  'Threat Mitigated',
]

export function missingFields(fields: Fields): readonly NeededField[] {
  return neededFields.filter(({ name }) => !fields.has(custom(name)))
}

/**
 * Makes those that are missing; what exists stays as it is, its values too. The close code is not required on close:
 * that would hold for every incident of the organisation.
 * @returns the names of those that were made @throws UpstreamError
 */
export async function installFields(
  client: SoarClient,
  settings: Pick<IbmSoarSettings, 'closeMap' | 'closeCodes'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const made: string[] = []
  for (const field of missingFields(readFields(await client.fields(signal)))) {
    try {
      await client.createField(definition(field, settings), signal)
      made.push(field.name)
    } catch (error) {
      // Somebody else may have made it since.
      if (!(error instanceof UpstreamError) || error.kind !== 'rejected') throw error
      if (!readFields(await client.fields(signal)).has(custom(field.name))) throw error
    }
  }
  return made
}

function definition(
  { name, text, inputType }: NeededField,
  settings: Pick<IbmSoarSettings, 'closeMap' | 'closeCodes'>,
): Json {
  const labels = inputType === 'select' ? labelsFor(settings) : []
  return {
    ...{ name, text, input_type: inputType, prefix: 'properties', type_id: 0, tooltip: '', placeholder: '' },
    values: labels.map((label) => ({ label, enabled: true, hidden: false, default: false })),
  }
}

/** Those of the public app, and those that the configuration speaks of. */
function labelsFor({
  closeMap,
  closeCodes: toDesk,
}: Pick<IbmSoarSettings, 'closeMap' | 'closeCodes'>): string[] {
  const configured = [...Object.values(closeMap), ...Object.keys(toDesk).filter((key) => key !== 'default')]
  const labels = [...closeCodes]
  for (const label of configured) if (labelLike(labels, label) === undefined) labels.push(label)
  return labels
}
