/** The fields of incidents that an organisation has, and what each takes. */
import { UpstreamError } from '../../errors.ts'
import { isObject } from '../../upstream/json.ts'
import { type Kept, kept } from '../../upstream/kept.ts'
import type { SoarClient } from './client.ts'
import type { Json } from './wire.ts'

interface FieldOption {
  readonly value: unknown
  readonly label: string
  readonly enabled: boolean
}

export interface Field {
  /** With its prefix: `properties.scwx_ctp_status`. */
  readonly key: string
  readonly name: string
  /** `properties` for custom ones; null: a member of the incident itself. */
  readonly prefix: string | null
  /** `text`, `textarea`, `select`, `multiselect`, `datetimepicker`, `number`, `boolean`, and others. */
  readonly inputType: string
  /** `always`, `close`; null: never. */
  readonly required: string | null
  readonly readOnly: boolean
  /** Of selects; hidden ones are none. */
  readonly options: readonly FieldOption[]
}

/** By their keys. */
export type Fields = ReadonlyMap<string, Field>

export function readFields(definitions: readonly Json[]): Fields {
  const fields = definitions.flatMap((each): Field[] => {
    const { name, prefix = null, input_type: inputType, required, read_only: readOnly, values } = each
    if (typeof name !== 'string' || name === '') return []
    const under = typeof prefix === 'string' && prefix !== '' ? prefix : null
    return [
      {
        key: under === null ? name : `${under}.${name}`,
        name,
        prefix: under,
        inputType: typeof inputType === 'string' ? inputType : '',
        required: typeof required === 'string' && required !== '' ? required : null,
        readOnly: readOnly === true,
        options: Array.isArray(values) ? values.filter(isObject).flatMap(readOption) : [],
      },
    ]
  })
  return new Map(fields.map((field) => [field.key, field]))
}

function readOption({ value, label, enabled }: Json): FieldOption[] {
  return typeof label === 'string' ? [{ value, label, enabled: enabled !== false }] : []
}

/** Labels that a select takes now. */
export function labelsOf(field: Field | undefined): readonly string[] {
  return field?.options.filter(({ enabled }) => enabled).map(({ label }) => label) ?? []
}

/** By a label as it is, else without regard to case; only those that are enabled. */
export function labelLike(labels: readonly string[], wanted: string): string | undefined {
  const folded = wanted.trim().toLowerCase()
  return labels.find((label) => label === wanted) ?? labels.find((label) => label.toLowerCase() === folded)
}

/** What is known of the fields: read when first needed and every ten minutes. */
export interface KnownFields {
  /** undefined: they can't be read, so that nothing can be told before SOAR is asked. @throws UpstreamError */
  get(signal: AbortSignal): Promise<Fields | undefined>
  /**
   * @param suits what is wrong with what is to be sent, as far as these fields tell
   * @returns the problems that are left once the fields are as they are now: read anew where there are any
   */
  checked<T>(suits: (fields: Fields | undefined) => Checked<T>, signal: AbortSignal): Promise<Checked<T>>
  forget(): void
}

export interface Checked<T> {
  readonly value: T
  /** For users; each names its field. */
  readonly problems: readonly string[]
}

const keepMs = 10 * 60_000

/** Statuses of a key that may not read the fields, and of a server that does not list them. */
const untold: ReadonlySet<number> = new Set([403, 404, 405])

/** So soon after they were read, fields are not read anew for a problem that is known: each ticket has it. */
const newEnoughMs = 15_000

export function knownFields(client: SoarClient, now: () => number): KnownFields {
  const never = new AbortController().signal
  /** Problems that the fields had as they were last read. */
  let lasting: ReadonlySet<string> = new Set()
  const fields: Kept<Fields | undefined> = kept(
    async () => {
      lasting = new Set()
      try {
        return readFields(await client.fields(never))
      } catch (error) {
        if (error instanceof UpstreamError && untold.has(error.status ?? 0)) return undefined
        throw error
      }
    },
    (_fields, askedAt) => askedAt + keepMs,
    now,
  )
  return {
    get: fields.get,
    forget: fields.forget,
    async checked(suits, signal) {
      const since = fields.since
      let checked = suits(await fields.get(signal))
      const isNews = checked.problems.some((problem) => !lasting.has(problem))
      const isOld = since !== undefined && now() - since >= newEnoughMs
      if (checked.problems.length > 0 && since !== undefined && (isNews || isOld)) {
        checked = suits(await fields.renew(signal))
      }
      lasting = new Set([...lasting, ...checked.problems])
      return checked
    },
  }
}
