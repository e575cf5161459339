/** An observation as it is stored: JSON, deflated with a preset dictionary. */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Observation } from '../../model/indicator.ts'
import { dictionaries } from './dictionary.ts'

/** The one that new bodies are written with. */
export const currentDictionary = 1

/** A window and an answer that the dictionary and a record fit into, and not much more: making them costs most. */
const deflateOptions = { level: 3, windowBits: 13, memLevel: 5, chunkSize: 2048 }

/** @param json of the observation, in UTF-8 */
export function packBody(json: Buffer): Buffer {
  return deflateRawSync(json, { ...deflateOptions, dictionary: dictionaries[currentDictionary] })
}

/** As its row has it. */
export interface StoredBody {
  readonly dictionary: number
  readonly body: Uint8Array
}

/** Its JSON, in which no number has lost a digit. */
export function observationText({ dictionary, body }: StoredBody): string {
  if (dictionary < 0 || dictionary >= dictionaries.length) {
    throw new RangeError(
      `a record is stored with dictionary ${dictionary}; this program knows 0 to ${dictionaries.length - 1}`,
    )
  }
  const preset = dictionaries[dictionary]
  // The widest window reads what any narrower one wrote.
  return inflateRawSync(body, {
    windowBits: 15,
    chunkSize: 4096,
    ...(preset !== undefined && { dictionary: preset }),
  }).toString()
}

/** Numbers of `raw` beyond 2^53 are rounded: for merging, which does not look at it. */
export function roundedObservation(stored: StoredBody): Observation {
  return JSON.parse(observationText(stored)) as Observation
}
