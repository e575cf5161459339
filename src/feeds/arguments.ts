/**
 * From the address of a feed to its format: the extension, `format` and `profile`, the formats' own arguments, and
 * those of XSOAR's Generic Export Indicators and of MineMeld under their short names.
 */
import type { FieldError } from '../errors.ts'
import { allTypes, type IndicatorType } from '../model/indicator.ts'
import type { FeedEntry, FeedFormat } from './feed-format.ts'
import type { TypeChoice } from './formats/argument-values.ts'
import {
  defaultOptions,
  type Extension,
  extensions,
  type FormatDefinition,
  type FormatOptions,
} from './formats/options.ts'
import { type Query, readOptions, received } from './formats/read-options.ts'
import { type ForeignFormat, feedFormats, feedProfiles, foreignFormats } from './index.ts'

export interface FeedRequest {
  /** What follows the feed's name and a dot in the path; absent: nothing does. */
  readonly extension?: string
  readonly query: Query
}

export type FeedFormatResult =
  | { readonly ok: true; readonly format: FeedFormat }
  | { readonly ok: false; readonly errors: readonly FieldError[] }

interface Choice extends ForeignFormat {
  readonly extension: Extension
}

/** @returns the format with a canonical `variant`, or every error of the arguments */
export function feedFormat(request: FeedRequest): FeedFormatResult {
  const choice = chosen(request)
  if ('errors' in choice) return { ok: false, errors: choice.errors }
  const { options, types, errors } = readOptions(
    request.query,
    choice.definition,
    choice.extension,
    choice.defaults,
  )
  if (errors.length > 0) return { ok: false, errors }
  return { ok: true, format: build(choice, options, types) }
}

function error(name: string, detail: string): { readonly errors: readonly FieldError[] } {
  return { errors: [{ pointer: `/${name}`, detail }] }
}

function single(query: Query, name: string): string | undefined {
  const texts = query[name]
  return texts === undefined ? undefined : texts.join(',')
}

/** The format by extension, `format`, `profile` or `v`: each may be left out, none may contradict another. */
function chosen({ extension, query }: FeedRequest): Choice | { readonly errors: readonly FieldError[] } {
  const format = single(query, 'format')
  const asked = extension ?? format
  const source = extension === undefined ? 'format' : 'extension'
  const known = extensions.find((one) => one === asked)
  if (asked !== undefined && known === undefined) {
    return error(source, `${source} takes ${extensions.join(', ')}; ${received([asked])}`)
  }
  if (extension !== undefined && format !== undefined && format !== extension) {
    return error(
      'format',
      `format must be the extension of the address, ${extension}, or absent; ${received([format])}`,
    )
  }
  const profile = single(query, 'profile')
  const foreignName = single(query, 'v')
  if (profile !== undefined && foreignName !== undefined) {
    return error('v', 'v and profile both choose the format: only one of them is taken')
  }
  const basis = basisOf(profile, foreignName, known)
  if ('errors' in basis) return basis
  const possible = basis.only === undefined ? basis.definition.extensions : [basis.only]
  const [first = 'json'] = possible
  if (known !== undefined && !possible.includes(known)) {
    const what = profile === undefined ? `v=${foreignName}` : `profile ${profile}`
    return error(source, `${what} takes ${possible.join(', ')} or no ${source}; ${received([known])}`)
  }
  return { ...basis, extension: known ?? first }
}

function basisOf(
  profile: string | undefined,
  foreignName: string | undefined,
  extension: Extension | undefined,
): ForeignFormat | { readonly errors: readonly FieldError[] } {
  if (profile !== undefined) {
    const definition = feedProfiles.find(({ name }) => name === profile)
    if (definition !== undefined) return { definition }
    return error(
      'profile',
      `profile takes ${feedProfiles.map(({ name }) => name).join(', ')}; ${received([profile])}`,
    )
  }
  if (foreignName !== undefined) {
    const choice = foreignFormats.get(foreignName)
    return (
      choice ?? error('v', `v takes ${[...foreignFormats.keys()].join(', ')}; ${received([foreignName])}`)
    )
  }
  const definition = feedFormats.find(({ name }) => name === (extension ?? 'json'))
  if (definition === undefined) throw new Error(`no format ${extension}`)
  return { definition }
}

function build(
  { definition, extension, types: foreignTypes }: Choice,
  options: FormatOptions,
  choice: TypeChoice | undefined,
): FeedFormat {
  const types = choice?.types ?? foreignTypes ?? definition.types
  const { mediaType, needs, encode } = definition.build(options, extension)
  const oneFamily = choice !== undefined && choice.networks !== 'both' ? choice.networks : undefined
  return {
    variant: variantOf(definition, extension, options, choice ?? implied(foreignTypes)),
    mediaType,
    needs,
    ...(types === undefined ? {} : { types }),
    encode:
      oneFamily === undefined
        ? encode
        : (pages, about, recorder) => encode(ofFamily(pages, oneFamily), about, recorder),
  }
}

function implied(types: readonly IndicatorType[] | undefined): TypeChoice | undefined {
  return types === undefined ? undefined : { types, networks: 'both' }
}

/** Networks of the other family were not asked for: they are passed over, not dropped. */
async function* ofFamily(
  pages: AsyncIterable<readonly FeedEntry[]>,
  family: 'ipv4' | 'ipv6',
): AsyncGenerator<readonly FeedEntry[], void, undefined> {
  const fits = ({ type, value }: FeedEntry) => type !== 'cidr' || value.includes(':') === (family === 'ipv6')
  for await (const page of pages) yield page.filter(fits)
}

/** Equal for requests that get the same text: from what the options are, not from how they were written. */
function variantOf(
  { name, extensions: [first], defaults, takes }: FormatDefinition,
  extension: Extension,
  options: FormatOptions,
  choice: TypeChoice | undefined,
): string {
  const usual = textsOf({ ...defaultOptions, ...defaults })
  const parts = [...textsOf(options)]
    .filter(([key, text]) => usual.get(key) !== text)
    .map(([key, text]) => `${key}=${encodeURIComponent(text)}`)
  if (choice !== undefined) {
    const networks = choice.networks === 'both' ? '' : `:${choice.networks}`
    parts.push(`type=${allTypes.filter((type) => choice.types.includes(type)).join(',')}${networks}`)
  }
  const format = extension === first || takes.length === 0 ? name : `${name}.${extension}`
  return parts.length === 0 ? format : `${format}?${parts.sort().join('&')}`
}

function textsOf(options: FormatOptions): ReadonlyMap<string, string> {
  const entries = Object.entries(options)
  return new Map(
    entries.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}
