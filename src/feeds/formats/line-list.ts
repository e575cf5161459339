/** What the definitions of line lists have in common. */
import type { FeedFormat } from '../feed-format.ts'
import { type Guards, strictGuards } from './guards.ts'
import { encodeLines, type LineRules } from './lines.ts'
import { type FormatOptions, type OptionName, plainText } from './options.ts'

export const partOptions: readonly OptionName[] = ['type', 'limit', 'offset', 'max_bytes']

/** Of lists without URLs: their lines have no port, scheme or excess length. */
export const urlOptions: readonly OptionName[] = [
  'strip_port',
  'strip_scheme',
  'drop_invalid',
  'url_truncate',
  'slash',
]
/** Of lists without addresses. */
export const addressOptions: readonly OptionName[] = ['collapse', 'min_prefix']

export const emptyComment = '# Empty List\n'

export function guardsOf({ minPrefix }: FormatOptions): Guards {
  return {
    minPrefix4: Math.max(minPrefix, strictGuards.minPrefix4),
    minPrefix6: strictGuards.minPrefix6,
  }
}

/** A list of `text/plain` with LF, from what is particular about it. */
export function lineList(
  options: FormatOptions,
  rules: Pick<LineRules, 'convert'> & Partial<LineRules>,
  needs: FeedFormat['needs'] = 'values',
): Pick<FeedFormat, 'mediaType' | 'needs' | 'encode'> {
  const all: LineRules = {
    lineEnd: '\n',
    unique: false,
    part: options,
    collapse: options.collapse,
    ...rules,
  }
  return {
    mediaType: plainText,
    needs,
    encode: (pages, about, recorder) => encodeLines(pages, about, recorder, all),
  }
}
