/** The answers of `tc-get-owners`. */
import { markdownTable } from '../model/markdown.ts'
import type { Owner } from '../sources/source.ts'

export function ownersAnswer(owners: readonly Owner[]): { data: readonly Owner[]; count: number } {
  return { data: owners, count: owners.length }
}

export function ownersMarkdown(owners: readonly Owner[]): string {
  return markdownTable(
    'ThreatConnect Feed - Owners',
    owners.map(({ id, name, type }) => ({ id, name, type })),
    ['id', 'name', 'type'],
  )
}
