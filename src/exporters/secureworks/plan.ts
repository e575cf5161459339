/** What one batch asks for, entry by entry: what leaves, what is sent, and what is both. Pure. */
import type { Delivery } from '../exporter.ts'
import { type InputSettings, inputsOf, objectsOf, sourceOf } from './inputs.ts'
import { knownHashes } from './outcomes.ts'
import type { Entry } from './removal.ts'
import type { IndicatorInput } from './wire.ts'

export interface Removing {
  readonly delivery: Delivery
  readonly entry: Entry
}

export interface Plan {
  readonly before: readonly Removing[]
  readonly upserts: readonly { readonly delivery: Delivery; readonly input: IndicatorInput }[]
  /** Entries that an upsert of the batch wants: removed only where Taegis rejects that one. */
  readonly after: readonly Removing[]
}

export function planOf(batch: readonly Delivery[], settings: InputSettings): Plan {
  const removing = batch.flatMap((delivery) =>
    entriesToRemove(delivery, settings).map((entry) => ({ delivery, entry })),
  )
  const upserts = batch
    .filter(({ action }) => action === 'upsert')
    .flatMap((delivery) => inputsOf(delivery, settings).map((input) => ({ delivery, input })))
  const wanted = new Set(upserts.map(({ input }) => inputKey(input)))
  const isWanted = ({ entry }: Removing) => wanted.has(entryKey(entry))
  return {
    before: removing.filter((each) => !isWanted(each)),
    upserts,
    after: removing.filter(isWanted),
  }
}

/** What is to leave: of a file to be sent again, hashes that it no longer has. */
function entriesToRemove(delivery: Delivery, settings: InputSettings): readonly Entry[] {
  const { action, indicator, options } = delivery
  const source = sourceOf(options, settings)
  const current = objectsOf(indicator).map(({ value }) => value)
  const before = indicator.type === 'file' ? knownHashes(delivery) : []
  const values =
    action === 'remove' ? [...current, ...before] : before.filter((hash) => !current.includes(hash))
  return [...new Set(values)].map((value) => ({ source, value }))
}

/** The same for an entry and the input that makes it. */
export function entryKey({ source, value }: Entry): string {
  return JSON.stringify([source, value])
}

export function inputKey({ source_name: source, value }: IndicatorInput): string {
  return entryKey({ source, value })
}
