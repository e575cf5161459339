/**
 * The building blocks of configuration schemas. A schema is JSON Schema; what it can't say stands in marks that begin
 * with `x-`, and nothing else lists what is secret, a path or a duration. The static type of a schema is the loaded
 * value: a duration is milliseconds, a list is an array, a field with a default is always there.
 */
import Type, {
  type Static,
  type TObject,
  type TProperties,
  type TSchema,
  type TString,
  type TUnsafe,
} from 'typebox'

/** How a text is read beyond what its pattern says: `formats.ts` has one entry for each. */
export type FormatName =
  | 'duration'
  | 'percent'
  | 'http-url'
  | 'host'
  | 'store-url'
  | 'proxy'
  | 'path'
  | 'exclusion'

/** What the reader looks at in a schema. */
export interface SchemaView {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, SchemaView>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, SchemaView>>
  readonly items?: SchemaView
  readonly anyOf?: readonly SchemaView[]
  readonly oneOf?: readonly SchemaView[]
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  /** Never shown, never printed; collected for the log's redaction. */
  readonly 'x-secret'?: true
  /** No secret, but what stands in its place by mistake may be one: errors don't show it. */
  readonly 'x-unshown'?: true
  readonly 'x-format'?: FormatName
  /** What the field takes, where the words made from the schema would not do. */
  readonly 'x-takes'?: string
  /** Known words of a text that also has other forms, for "did you mean". */
  readonly 'x-words'?: readonly string[]
  /** A list that may be written as one comma-separated text. */
  readonly 'x-list'?: true
  /** The word `off` is taken as well. */
  readonly 'x-off'?: true
  readonly 'x-min-ms'?: number
  readonly 'x-max-ms'?: number
  /** Stands for the schema of the sibling `kind`'s settings. */
  readonly 'x-kinds'?: Readonly<Record<string, SchemaView>>
  /** A default that depends on the sibling `kind`. */
  readonly 'x-default-of-kind'?: Readonly<Record<string, unknown>>
}

interface Described {
  /** What it takes, its unit, its default: shown by editors. */
  readonly description: string
}

/** A map with these keys and no others. */
export function Section<P extends TProperties>(
  properties: P,
  options: Described & { oneOf?: readonly SchemaView[] },
): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** Exactly one of these groups of keys, whole: `eitherOf(['accessId', 'secretKey'], ['token'])`. */
export function eitherOf(...groups: readonly (readonly string[])[]): { oneOf: readonly SchemaView[] } {
  return { oneOf: groups.map((required) => ({ required })) }
}

/** Some text, not empty. */
export function Text(options: Described & { default?: string; maxLength?: number }): TString {
  return Type.String({ minLength: 1, ...options })
}

/** A text that is never shown. The mark is the only place that says so. */
export function Secret(options: Described): TString {
  return Type.String({ minLength: 1, writeOnly: true, 'x-secret': true, 'x-takes': 'text', ...options })
}

/** Names sources, feeds, exporters, bridges and API keys in addresses, metrics and logs. */
export function Name(options: Described & Pick<SchemaView, 'x-default-of-kind'>): TString {
  const takes = 'a name of 1 to 64 letters, digits, ".", "_" and "-" that begins with a letter or a digit'
  return Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', 'x-takes': takes, ...options })
}

/** One of these words. */
export function Words<const W extends string>(
  words: readonly W[],
  options: Described & { default?: NoInfer<W> },
): TUnsafe<W> {
  return Type.Unsafe<W>({ type: 'string', enum: [...words], ...options })
}

/** A list, or one comma-separated text: blanks around its pieces and empty pieces are dropped. */
export function List<T extends TSchema>(
  item: T,
  options: Described & { default?: readonly string[] },
): TUnsafe<readonly Static<T>[]> {
  const anyOf = [{ type: 'array', items: item }, { type: 'string' }]
  return Type.Unsafe<readonly Static<T>[]>({ anyOf, 'x-list': true, ...options })
}

/** The longest time that a timer of the runtime can wait is a little more. */
const maxTimerMs = 24 * 86_400_000

interface DurationOptions extends Described {
  readonly default?: string
  /** Default 1 ms. */
  readonly minMs?: number
  /** Default 24 days, what a timer can wait. */
  readonly maxMs?: number
}

function durationSchema(
  { minMs = 1, maxMs = maxTimerMs, ...options }: DurationOptions,
  off: boolean,
): TSchema {
  const number = '[0-9]+(ms|s|m|h|d)'
  return {
    type: 'string',
    pattern: off ? `^(${number}|off)$` : `^${number}$`,
    'x-format': 'duration',
    'x-min-ms': minMs,
    'x-max-ms': maxMs,
    ...(off && { 'x-off': true }),
    ...options,
  }
}

/** `240m`; units ms, s, m, h, d. Loaded as milliseconds. */
export function Duration(options: DurationOptions): TUnsafe<number> {
  return Type.Unsafe<number>(durationSchema(options, false))
}

/** `240m`, or `off`. Loaded as milliseconds, or null for off. */
export function DurationOrOff(options: DurationOptions): TUnsafe<number | null> {
  return Type.Unsafe<number | null>(durationSchema(options, true))
}

/** `50%`, or `off` where that is taken. Loaded as a fraction; off as 1. */
export function Percent(options: Described & { default?: string; off?: boolean }): TUnsafe<number> {
  const { off = false, ...rest } = options
  const number = '[0-9]+([.][0-9]+)?%'
  return Type.Unsafe<number>({
    type: 'string',
    pattern: off ? `^(${number}|off)$` : `^${number}$`,
    'x-format': 'percent',
    ...(off && { 'x-off': true }),
    ...rest,
  })
}

/** An address of http or https, without credentials, query and fragment. */
export function HttpUrl(options: Described & { default?: string }): TString {
  return Type.String({ pattern: '^[Hh][Tt][Tt][Pp][Ss]?://', 'x-format': 'http-url', ...options })
}

/** A file that can be read; relative to the configuration file. Loaded as an absolute path; empty stays empty. */
export function FilePath(
  options: Described & { default?: string; pattern?: string; 'x-takes'?: string },
): TString {
  return Type.String({ 'x-format': 'path', ...options })
}

/** A map from the user's own keys to texts. */
export function TextMap(options: Described & { default?: Readonly<Record<string, string>> }) {
  return Type.Record(Type.String(), Type.String({ minLength: 1 }), { ...options })
}

/** The same schema as the reader sees it. */
export function viewOf(schema: TSchema): SchemaView {
  return schema as SchemaView
}
