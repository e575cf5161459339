/** Look-ups: as many values in one request as may be, so that what is there is known before anything is written. */
import { collectionPath, type Threat } from './wire.ts'

/** One list to ask for. The matches are found by comparing: its filters may let more through. */
export interface LookUp<T extends Threat = Threat> {
  /** Path and query of the first page. */
  readonly path: string
  readonly wanted: readonly T[]
  /** More than can be there; a list that goes on is not answering what was asked. */
  readonly mostPages: number
}

const pageSize = 200
/** Addresses beyond 8 kB are refused by many servers and proxies. */
const longestPath = 6000
/** Of the beginning of a value, percent-encoded. */
const longestPrefix = 1000

/** @param base `basePath` of the base URL */
export function lookUps<T extends Threat>(base: string, threats: readonly T[]): LookUp<T>[] {
  const bySource = Map.groupBy(threats, ({ source }) => source)
  return [...bySource].flatMap(([source, same]) => {
    const listed = same.filter(({ value }) => isListable(value))
    const alone = same.filter(({ value }) => !isListable(value))
    return [
      ...chunks(base, listed, source).map((wanted) => listOf(base, wanted, source)),
      ...[...Map.groupBy(alone, ({ value }) => value).values()].map((wanted) =>
        beginOf(base, wanted, source),
      ),
    ]
  })
}

/** Whoever has it. */
export function lookUpAnywhere(base: string, threat: Threat): LookUp {
  return isListable(threat.value) ? listOf(base, [threat]) : beginOf(base, [threat])
}

/** The next page of a list, asked for by ourselves: a link of an answer may point anywhere. */
export function pagePath({ path }: LookUp, page: number): string {
  return page === 1 ? path : `${path}&${encode('page[number]')}=${page}`
}

/** The cheapest list there is. */
export function oneRecord(base: string): string {
  return `${collectionPath(base)}?${encode('page[size]')}=1`
}

/**
 * A filter's value is read as a line of CSV: a comma means OR, a quote begins a quoted field.
 */
function isListable(value: string): boolean {
  return !/[,"\r\n]/.test(value) && encode(value).length < longestPrefix
}

function listOf<T extends Threat>(base: string, wanted: readonly T[], source?: string): LookUp<T> {
  const values = [...new Set(wanted.map(({ value }) => value))]
  // One value may be there once for each type, seven at most; 200 for all would be too few.
  const mostPages = 1 + Math.ceil((values.length * 8) / pageSize)
  const value = values.map(encode).join(',')
  return { path: address(base, [['threat_value', value]], source), wanted, mostPages }
}

/** For values that no list can hold: everything that begins like it. */
function beginOf<T extends Threat>(base: string, wanted: readonly T[], source?: string): LookUp<T> {
  const [first] = wanted
  const beginning = encodedBeginning(/^[^,"\r\n]*/.exec(first?.value ?? '')?.[0] ?? '')
  const path = address(base, [['threat_value_start', beginning]], source)
  return { path, wanted, mostPages: 50 }
}

function encodedBeginning(text: string): string {
  let encoded = ''
  for (const character of text) {
    const next = encoded + encode(character)
    if (next.length > longestPrefix) break
    encoded = next
  }
  return encoded
}

function address(
  base: string,
  filters: readonly (readonly [name: string, encoded: string])[],
  source: string | undefined,
): string {
  const bySource = source !== undefined && isListable(source)
  const parameters = [
    ...filters.map(([name, encoded]) => `${encode(`filter[${name}]`)}=${encoded}`),
    ...(bySource ? [`${encode('filter[threat_source]')}=${encode(source)}`] : []),
    `${encode('fields[threat_indicators]')}=threat_level,threat_type,threat_value,threat_source,updated_at`,
    `${encode('page[size]')}=${pageSize}`,
  ]
  return `${collectionPath(base)}?${parameters.join('&')}`
}

/** As many as one page and one address hold. */
function chunks<T extends Threat>(base: string, threats: readonly T[], source: string): T[][] {
  const room =
    longestPath - address(base, [['threat_value', '']], source).length - '&page%5Bnumber%5D=99'.length
  const all: T[][] = []
  let chunk: T[] = []
  let values = new Set<string>()
  let length = 0
  for (const threat of threats) {
    const more = values.has(threat.value) ? 0 : encode(threat.value).length + 1
    if (chunk.length > 0 && (values.size >= pageSize || length + more > room)) {
      all.push(chunk)
      chunk = []
      values = new Set()
      length = 0
    }
    chunk.push(threat)
    values.add(threat.value)
    length += more
  }
  return chunk.length > 0 ? [...all, chunk] : all
}

/** `:` and `/` may stand in a query as they are (RFC 3986 3.4): more URLs fit. */
function encode(text: string): string {
  // The URL parser encodes the quote too: this is what goes on the wire.
  return encodeURIComponent(text).replace(/%3A/g, ':').replace(/%2F/g, '/').replace(/'/g, '%27')
}
