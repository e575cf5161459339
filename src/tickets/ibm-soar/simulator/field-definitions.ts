/** The fields of an incident that a simulated installation has: stock ones, and those of the public CTP app. */

export type InputType =
  | 'text'
  | 'textarea'
  | 'select'
  | 'multiselect'
  | 'datetimepicker'
  | 'number'
  | 'boolean'

export interface SelectOption {
  /** What is stored: a number, or a letter for `plan_status`. */
  readonly value: number | string
  readonly label: string
  readonly enabled: boolean
  readonly hidden: boolean
  readonly default: boolean
}

export interface FieldDefinition {
  readonly id: number
  readonly name: string
  /** What people read. */
  readonly text: string
  readonly inputType: InputType
  /** `properties` for a custom field. */
  readonly prefix: 'properties' | null
  readonly required: 'always' | 'close' | null
  readonly readOnly: boolean
  readonly tooltip: string
  readonly values: readonly SelectOption[]
}

/** A custom field, as a test or an administrator wants it. */
export interface NewField {
  readonly name: string
  /** Default: the name. */
  readonly text?: string
  readonly inputType: InputType
  readonly required?: 'always' | 'close'
  /** Labels of a select; their numbers are the simulator's. */
  readonly values?: readonly string[]
}

export interface OptionSpec {
  readonly isEnabled?: boolean
  readonly isDefault?: boolean
}

export function option(
  value: number | string,
  label: string,
  { isEnabled = true, isDefault = false }: OptionSpec = {},
): SelectOption {
  return { value, label, enabled: isEnabled, hidden: false, default: isDefault }
}

type Stock = readonly [
  id: number,
  name: string,
  text: string,
  inputType: InputType,
  more?: Partial<Pick<FieldDefinition, 'required' | 'readOnly' | 'values'>>,
]

/** Numbers as in the public samples where they have them; the others are inferred. */
const stock: readonly Stock[] = [
  [16, 'name', 'Name', 'text', { required: 'always' }],
  [23, 'discovered_date', 'Date Discovered', 'datetimepicker', { required: 'always' }],
  [14, 'description', 'Description', 'textarea'],
  [32, 'start_date', 'Date Occurred', 'datetimepicker'],
  [37, 'create_date', 'Date Created', 'datetimepicker', { readOnly: true }],
  [38, 'end_date', 'Date Closed', 'datetimepicker', { readOnly: true }],
  [39, 'inc_last_modified_date', 'Last Modified', 'datetimepicker', { readOnly: true }],
  [40, 'id', 'ID', 'number', { readOnly: true }],
  [41, 'due_date', 'Next Due Date', 'datetimepicker'],
  [42, 'confirmed', 'Incident Disposition', 'boolean'],
  [43, 'reporter', 'Reporting Individual', 'text'],
  [44, 'city', 'City', 'text'],
  [45, 'addr', 'Address', 'text'],
  [46, 'zip', 'ZIP', 'text'],
  [
    10,
    'plan_status',
    'Status',
    'select',
    { values: [option('A', 'Active', { isDefault: true }), option('C', 'Closed')] },
  ],
  [
    33,
    'severity_code',
    'Severity',
    'select',
    { values: [option(50, 'Low', { isDefault: true }), option(51, 'Medium'), option(52, 'High')] },
  ],
  [
    34,
    'resolution_id',
    'Resolution',
    'select',
    {
      required: 'close',
      values: [
        option(53, 'Unresolved'),
        option(54, 'Duplicate'),
        option(55, 'Not an Issue'),
        option(56, 'Resolved'),
        option(158, 'Policy Violation', { isEnabled: false }),
      ],
    },
  ],
  [35, 'resolution_summary', 'Resolution Summary', 'textarea', { required: 'close' }],
  [
    47,
    'incident_type_ids',
    'Incident Type',
    'multiselect',
    { values: [option(19, 'Malware'), option(21, 'System Intrusion'), option(22, 'Phishing')] },
  ],
  [48, 'owner_id', 'Owner', 'select', { values: [option(1, 'Test User'), option(2, 'Example Analyst')] }],
]

export const stockFields: readonly FieldDefinition[] = stock.map(
  ([id, name, text, inputType, more = {}]) => ({
    ...{ id, name, text, inputType, prefix: null, required: null, readOnly: false, tooltip: '', values: [] },
    ...more,
  }),
)

const ctpTexts: readonly (readonly [id: number, name: string, ctpName: string])[] = [
  [250, 'category_class', 'categoryClass'],
  [251, 'category', 'category'],
  [252, 'ticket_type', 'ticketType'],
  [253, 'category_type', 'categoryType'],
  [254, 'ticket_id', 'ticketId'],
  [255, 'status', 'status'],
  [256, 'priority', 'priority'],
  [257, 'grouping_type', 'groupingType'],
  [258, 'contact_id', 'contact ID'],
  [259, 'contact_name', 'contact name'],
  [260, 'category_item', 'categoryItem'],
  [261, 'request_type', 'requestType'],
  [262, 'source', 'source'],
]

const ctpCloseCodes: readonly SelectOption[] = [
  option(160, 'Authorized Activity'),
  option(161, 'Confirmed Security Incident'),
  option(162, 'Duplicate'),
  option(163, 'Incident Misidentified'),
  option(154, 'Inconclusive'),
  option(164, 'Not Actionable'),
  option(165, 'Not Vulnerable'),
  option(166, 'Threat Mitigated'),
]

/** @param closeCodeRequired as the public app has it, for the whole organisation */
export function ctpFields(closeCodeRequired: boolean): readonly FieldDefinition[] {
  const custom = (id: number, name: string, ctpName: string, inputType: InputType): FieldDefinition => ({
    ...{ id, name: `scwx_ctp_${name}`, text: `Secureworks CTP ${ctpName}`, inputType, prefix: 'properties' },
    ...{ required: null, readOnly: false, tooltip: '', values: [] },
  })
  return [
    custom(248, 'date_created', 'dateCreated', 'datetimepicker'),
    {
      ...custom(249, 'close_code', 'closeCode', 'select'),
      required: closeCodeRequired ? 'close' : null,
      values: ctpCloseCodes,
    },
    ...ctpTexts.map(([id, name, ctpName]) => custom(id, name, ctpName, 'text')),
  ]
}
