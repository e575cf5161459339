/** `sorting=ownerName asc confidence desc nullslast`: one or more TQL parameters, each with its direction. */
import { RequestError } from './parameters.ts'
import type { Id } from './records.ts'
import type { Vocabulary } from './tql/evaluator.ts'
import { findKeyword } from './tql/keywords.ts'
import type { Literal } from './tql/parser.ts'

export interface SortLevel {
  readonly keyword: string
  readonly descending: boolean
  readonly nullsFirst: boolean
}

/** @throws RequestError */
export function parseSorting(text: string, collection: 'indicators' | 'groups'): SortLevel[] {
  const levels: { keyword: string; descending: boolean; nullsFirst: boolean }[] = []
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const level = levels.at(-1)
    const lower = word.toLowerCase()
    if (level && (lower === 'asc' || lower === 'desc')) level.descending = lower === 'desc'
    else if (level && (lower === 'nullsfirst' || lower === 'nullslast'))
      level.nullsFirst = lower === 'nullsfirst'
    else {
      const keyword = findKeyword(collection, word)
      if (keyword === undefined || keyword.type === 'SubQuery') {
        throw new RequestError(400, `The sorting parameter ${word} is not valid.`)
      }
      levels.push({ keyword: keyword.name, descending: false, nullsFirst: false })
    }
  }
  return levels
}

/** Equal records stand in the order of their ids, which the product does not promise. */
export function sortRecords<T extends { readonly id: Id }>(
  records: readonly T[],
  levels: readonly SortLevel[],
  vocabulary: Vocabulary<T>,
): T[] {
  const keyed = records.map((record) => ({
    record,
    keys: levels.map(({ keyword }) => firstOf(vocabulary.values[keyword]?.(record))),
  }))
  keyed.sort((a, b) => {
    for (const [place, { descending, nullsFirst }] of levels.entries()) {
      const order = compareKeys(a.keys[place], b.keys[place], descending, nullsFirst)
      if (order !== 0) return order
    }
    return a.record.id < b.record.id ? -1 : 1
  })
  return keyed.map(({ record }) => record)
}

function firstOf(value: Literal | readonly Literal[] | undefined): Literal | undefined {
  return typeof value === 'object' ? value[0] : value
}

function compareKeys(
  a: Literal | undefined,
  b: Literal | undefined,
  descending: boolean,
  nullsFirst: boolean,
): number {
  if (a === b) return 0
  if (a === undefined) return nullsFirst ? -1 : 1
  if (b === undefined) return nullsFirst ? 1 : -1
  return a < b !== descending ? -1 : 1
}
