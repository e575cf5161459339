/** An incident as the REST API shows it. */
import type { FieldStore } from './field-store.ts'
import { type Formats, shownValue } from './field-values.ts'
import type { IncidentRules } from './incident-rules.ts'
import type { IncidentRow } from './incident-store.ts'

export interface IncidentShapeOptions {
  readonly fields: FieldStore
  readonly rules: IncidentRules
  readonly orgId: number
}

/** How much of an incident a query shows: `return_level`. */
export type ReturnLevel = 'partial' | 'normal' | 'full'

const partialNames = [
  'id',
  'name',
  'description',
  'plan_status',
  'phase_id',
  'severity_code',
  'owner_id',
  'create_date',
  'discovered_date',
  'due_date',
  'inc_training',
  'sequence_code',
]

/** What every incident has and the simulator has no use for, as in the public samples. */
const constants = {
  ...{ phase_id: 1002, inc_training: false, admin_id: null, draft: false, is_scenario: false },
  ...{ exposure: 0, exposure_type_id: 1, exposure_vendor_id: null, exposure_dept_id: null },
  ...{ exposure_individual_name: '', crimestatus_id: 1, employee_involved: null, negative_pr_likely: null },
  ...{ data_compromised: null, jurisdiction_name: null, jurisdiction_reg_id: null, state: null },
  ...{ country: null, inc_start: null, hard_liability: 0, nist_attack_vectors: [], members: [], dtm: {} },
}

const perms = {
  ...{ read: true, write: true, comment: true, assign: true, close: true, delete: false },
  ...{ change_members: true, attach_file: true, read_attachments: true, delete_attachments: true },
  ...{ create_milestones: true, list_milestones: true, create_artifacts: true, list_artifacts: true },
}

/** Only of the whole incident. */
const whole = { tasks: null, artifacts: null, comments: null, actions: [], perms }

export type ShowIncident = (
  row: IncidentRow,
  formats: Formats,
  level: ReturnLevel,
) => Readonly<Record<string, unknown>>

export function createIncidentShape({ fields, rules, orgId }: IncidentShapeOptions): ShowIncident {
  return (row, formats, level) => {
    const properties: Record<string, unknown> = {}
    const stock: Record<string, unknown> = {}
    for (const field of fields.all()) {
      const target = field.prefix === null ? stock : properties
      target[field.name] = shownValue(field, rules.valueOf(row, field), formats)
    }
    const { id, vers } = row
    const identity = { id, vers, org_id: orgId, sequence_code: `${orgId}-${id}`, creator_id: 1 }
    const shown: Record<string, unknown> = { ...constants, ...stock, ...identity, properties }
    if (shown.incident_type_ids === null) shown.incident_type_ids = []
    if (level === 'full') return { ...shown, ...whole }
    if (level === 'normal') return shown
    return Object.fromEntries(partialNames.map((name) => [name, shown[name] ?? null]))
  }
}
