/** Stored indicators as JSON text, in either view, some at a time. */
import { parseExact } from '../../model/exact-number.ts'
import type { Indicator, Observation } from '../../model/indicator.ts'
import { withMember } from '../../model/json-text.ts'
import { toXsoar } from '../../model/xsoar.ts'
import type { IndicatorReader, IndicatorText } from '../../store/indicator-reader.ts'

export interface Shown {
  readonly view: 'unified' | 'xsoar'
  readonly raw: boolean
}

export function shownOf(given: { view?: 'unified' | 'xsoar'; raw?: boolean }): Shown {
  return { view: given.view ?? 'unified', raw: given.raw ?? true }
}

/** Records are inflated in one go: some milliseconds for so many. */
const atOnce = 200

/** `A,B,C`: the inside of a JSON array, in pieces. */
export async function* itemTexts(
  store: IndicatorReader,
  indicators: readonly IndicatorText[],
  shown: Shown,
): AsyncGenerator<string> {
  for (let start = 0; start < indicators.length; start += atOnce) {
    const some = indicators.slice(start, start + atOnce)
    yield (start === 0 ? '' : ',') + (await textsOf(store, some, shown)).join(',')
  }
}

async function textsOf(
  store: IndicatorReader,
  indicators: readonly IndicatorText[],
  shown: Shown,
): Promise<string[]> {
  if (shown.view === 'unified' && !shown.raw) return indicators.map(({ json }) => json)
  const records = await store.rawTexts(indicators.map(({ id }) => id))
  return indicators.map(({ id, json }) => {
    const raw = records.get(id)
    if (shown.view === 'xsoar') return xsoarText(json, raw, shown.raw)
    return raw === undefined ? json : withMember(json, 'raw', raw)
  })
}

/** Its fields come from the record, whether the record is shown or not. */
function xsoarText(json: string, raw: string | undefined, shown: boolean): string {
  const indicator = JSON.parse(json) as Indicator
  const whole = raw === undefined ? indicator : { ...indicator, raw: parseExact(raw) as Observation['raw'] }
  return JSON.stringify(toXsoar(whole, { relationships: true, raw: shown }))
}
