/** The filter keys of a feed where they stand alone: read as the configuration reads them, with the same defaults. */
import Type from 'typebox'
import type { FieldError } from '../errors.ts'
import type { FeedFilter } from '../model/filter.ts'
import { locate } from './located.ts'
import { readAs } from './read.ts'
import { feedFilterProperties } from './schema-parts.ts'
import { Section } from './schema-types.ts'

export interface LimitedFilter extends FeedFilter {
  /** Most indicators, best first; 0: no limit. */
  readonly limit: number
}

export const limitedFilterSchema = Section(
  {
    ...feedFilterProperties,
    limit: Type.Integer({
      description:
        'Most indicators; the best are taken: by score, ThreatAssess score, last change. Default 0: all.',
      minimum: 0,
      default: 0,
    }),
  },
  { description: 'What is stored and passes these filters: the keys of a feed.' },
)

/** As many as an answer lists. */
const mostTold = 100

/** Each member that is not known is compared with all that are: of thousands the first ones are enough. */
function fewMembersOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const known = Object.entries(value).filter(([name]) => Object.hasOwn(limitedFilterSchema.properties, name))
  return Object.fromEntries([...known, ...Object.entries(value).slice(0, mostTold)])
}

const nowhere = { line: 1, column: 1 }

/**
 * @param pointer of the filter, a JSON pointer
 * @param sources names of the configured sources: others are errors
 */
export function readLimitedFilter(
  value: unknown,
  pointer: string,
  sources: readonly string[],
): { readonly filter: LimitedFilter } | { readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = []
  const tell = (path: string, message: string) => {
    // Beyond what an answer lists they are counted.
    if (errors.length >= mostTold) return void errors.push({ pointer, detail: '' })
    const tokens = [...path.matchAll(/([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g)].map(
      ([, name, index, quoted]) => name ?? index ?? String(JSON.parse(quoted ?? '""')),
    )
    const at = tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
    const inside = path.startsWith('[') || path === '' ? path : `.${path}`
    const name = `${pointer.slice(1).replaceAll('/', '.')}${inside}`
    errors.push({
      pointer: pointer + at,
      detail: `${name} ${message.replace(/^unknown key/, 'is not a known member')}`,
    })
  }
  const { value: filter } = readAs(limitedFilterSchema, locate(fewMembersOf(value), nowhere), {
    folder: '/',
    readFile: () => '',
    report: (_at, path, message) => tell(path, message),
    secrets: new Map(),
    nodes: new Map(),
  })
  for (const [index, name] of filter.sources.entries()) {
    if (sources.includes(name)) continue
    const known = sources.length === 0 ? 'none is configured' : sources.join(', ')
    tell(
      `sources[${index}]`,
      `takes the name of a source (${known}); received ${JSON.stringify(name.slice(0, 80))}`,
    )
  }
  return errors.length > 0 ? { errors } : { filter }
}
