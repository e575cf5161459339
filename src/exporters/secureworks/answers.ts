/** What Taegis' answers hold, checked. Pure. */
import { UpstreamError, type UpstreamErrorKind, type UpstreamErrorOptions } from '../../errors.ts'
import { isObject, type Members } from '../../upstream/json.ts'

/** One entry of `errors`, in words that can be shown. */
export interface GraphqlError {
  readonly message: string
  /** `extensions.code`: `UNAUTHENTICATED`. */
  readonly code?: string
  /** Position in the list `input` that the error names. */
  readonly item?: number
  /** Of `Cannot query field "x" on type "Y"`. */
  readonly unknownField?: string
  /** Of `Field "x" is not defined by type "IndicatorInput"`. */
  readonly unknownInput?: string
}

/** Taegis refused an operation in GraphQL's own way: nothing but what `kind` says was carried out. */
export class TaegisRefusal extends UpstreamError {
  readonly errors: readonly GraphqlError[]

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    options: UpstreamErrorOptions & { errors: readonly GraphqlError[] },
  ) {
    super(kind, message, options)
    this.errors = options.errors
  }
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Objects of a list; null is an empty list, as Taegis writes it. undefined: no list at all. */
export function objectsIn(value: unknown): readonly Members[] | undefined {
  if (value === null || value === undefined) return []
  return Array.isArray(value) ? value.filter(isObject) : undefined
}

/** @param clean takes secrets and control characters out */
export function graphqlErrors(body: unknown, clean: (text: string) => string): readonly GraphqlError[] {
  if (!isObject(body) || !Array.isArray(body.errors)) return []
  return body.errors.map((error: unknown) => {
    const members = isObject(error) ? error : {}
    const raw = textOf(members.message) ?? (typeof error === 'string' ? error : 'an error without a message')
    const code = isObject(members.extensions) ? textOf(members.extensions.code) : undefined
    const item = itemIn(raw, members.path)
    // In what is quoted of ours, double quotes are escaped.
    const unknownField = /Cannot query field "(\w+)"/i.exec(raw)?.[1]
    const unknownInput = /Field "(\w+)" is not defined by type "IndicatorInput/i.exec(raw)?.[1]
    return {
      message: clean(withoutValue(raw)),
      ...(code !== undefined && { code: clean(code).slice(0, 60) }),
      ...(item !== undefined && { item }),
      ...(unknownField !== undefined && { unknownField }),
      ...(unknownInput !== undefined && { unknownInput }),
    }
  })
}

/** What is wrong stands behind the value, which may be long and is known anyway. */
function withoutValue(message: string): string {
  if (message.length < 200) return message
  return message.replace(/^(Variable "\$\w+" got invalid value ).*( at "[^"]*"; .*)$/s, '$1…$2')
}

/** `… at "input[3].object_type"; …`, or a path such as `["variable", "input", 3, "object_type"]`. */
function itemIn(message: string, path: unknown): number | undefined {
  if (Array.isArray(path)) {
    const next: unknown = path[path.indexOf('input') + 1]
    if (path.includes('input') && Number.isSafeInteger(next)) return Number(next)
  }
  // What stands in quotes before it is a value of ours, where quotes are escaped.
  const found = / at "input\[(\d+)\]/.exec(message) ?? /^[^"']*\binput\[(\d+)\]/.exec(message)
  return found === null ? undefined : Number(found[1])
}

/** The first that fits decides: from what somebody has to mend to what may pass by itself. */
const readings: readonly (readonly [UpstreamErrorKind, RegExp])[] = [
  [
    'permission',
    /not (?:authori[sz]ed|allowed|permitted)|unauthori[sz]ed|forbidden|permission|access (?:is )?denied|insufficient (?:scope|role|privilege)/i,
  ],
  ['throttled', /too many requests|rate.?limit|throttl|quota/i],
  ['address', /Unknown type|Unknown argument|expected at least one definition/i],
  ['timeout', /time[d]?[ -]?out|deadline exceeded/i],
  [
    'outcome-unknown',
    /internal (?:\w+ )?error|internal$|unavailable|temporar|try again|connection (?:refused|reset)|context canceled/i,
  ],
]

const codes: ReadonlyMap<string, UpstreamErrorKind> = new Map([
  ['UNAUTHENTICATED', 'credentials'],
  ['FORBIDDEN', 'permission'],
  ['INTERNAL_SERVER_ERROR', 'outcome-unknown'],
])

/** What the errors of an answer without data mean; `rejected` for what is wrong with the request itself. */
export function kindOf(errors: readonly GraphqlError[], operation: 'query' | 'mutation'): UpstreamErrorKind {
  const kind = errors.map(readError).find((each) => each !== undefined) ?? 'rejected'
  // Nothing could have been carried out.
  return kind === 'outcome-unknown' && operation === 'query' ? 'unavailable' : kind
}

function readError(error: GraphqlError): UpstreamErrorKind | undefined {
  const { message, code = '', item, unknownField, unknownInput } = error
  if (unknownField !== undefined || unknownInput !== undefined) return 'address'
  // It speaks of one input, in which any of these words may stand.
  if (item !== undefined) return undefined
  if (/token (?:is |has )?expired|invalid token|unauthenticated/i.test(message)) return 'credentials'
  return codes.get(code) ?? readings.find(([, words]) => words.test(message))?.[0]
}

/** At most three messages. */
export function wordsOf(errors: readonly GraphqlError[]): string {
  const words = errors.slice(0, 3).map(({ message }) => message)
  if (errors.length > 3) words.push(`and ${errors.length - 3} more errors`)
  return words.join('; ')
}

/** What an answer that is an error says for people, without tags. */
export function bodyText(body: Buffer): string {
  return body
    .subarray(0, 8192)
    .toString()
    .replace(/<(script|style)\b[^<>]*>[^<]*<\/\1>/gi, ' ')
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
