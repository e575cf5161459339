/** A made-up ThreatConnect of any size; the same seed gives the same records. */
import { compact, isoSeconds } from '../dates.ts'
import type { Corpus } from '../record-store.ts'
import {
  completeGroup,
  completeIndicator,
  type DeletedRecord,
  type Id,
  type IndicatorDraft,
  type Owner,
} from '../records.ts'
import { curatedIndicators } from './curated.ts'
import { createGroups } from './groups.ts'
import { createLinks } from './links.ts'
import { malformedRecords } from './malformed.ts'
import { attributeSets, descriptions, seedLabels, seedOwners, seedTags, sources } from './parts.ts'
import { createRandom, type Random } from './random.ts'
import { createValues, type SeedValue } from './values.ts'

export interface CorpusSize {
  /** Indicators; there are a twentieth as many groups, and one of each type at least. */
  readonly size: number
  readonly seed: number
  /** Malformed indicators that come on top; default 0. */
  readonly malformed?: number
}

export interface CorpusOptions extends CorpusSize {
  /** Milliseconds: everything happened in the two years before. */
  readonly now: number
}

const firstIndicatorId = 1_001
const day = 86_400_000

/** Owners, tags and labels without a record. */
export const emptyCorpus: Corpus = {
  owners: seedOwners,
  tags: seedTags,
  labels: seedLabels,
  indicators: [],
  groups: [],
  deleted: [],
}

export function createCorpus({ size, seed, now, malformed = 0 }: CorpusOptions): Corpus {
  const random = createRandom(seed)
  const curated = curatedIndicators(now).slice(0, size)
  const ids = Array.from({ length: size }, (_, place): Id => curated[place]?.id ?? firstIndicatorId + place)
  const groups = size === 0 ? [] : createGroups(Math.max(17, Math.round(size / 20)), random, now)
  const groupIds = groups.map((group) => group.id)
  const links = createLinks(ids, groupIds, random)
  const draw = createDrawer(random, now, size)

  const indicators = ids.map((id, place) => {
    const record = curated[place] ?? draw(place)
    return completeIndicator({ ...record, id, ...links.ofIndicator(place) })
  })
  const broken = malformedRecords({ firstId: firstIndicatorId + size, now }).slice(0, malformed)
  return {
    ...emptyCorpus,
    indicators: [...indicators, ...broken],
    groups: groups.map((group, place) => completeGroup({ ...group, indicators: links.ofGroup(place) })),
    deleted: createDeleted(Math.ceil(size / 50), random, now),
  }
}

type Drawn = Omit<IndicatorDraft, 'id' | 'groups' | 'indicators'>

function createDrawer(random: Random, now: number, size: number): (place: number) => Drawn {
  const drawValue = createOwnedValues(random)
  const tagSets = Array.from({ length: 300 }, (_, n) =>
    n < 60 ? [] : seedTags.filter(() => random.chance(0.08)),
  )
  const labelSets = [
    [],
    [],
    ...seedLabels.map((label) => [label]),
    seedLabels.slice(0, 2),
    seedLabels.slice(3),
  ]
  const begin = now - 730 * day
  const step = (729 * day) / Math.max(1, size)

  return (place) => {
    const { value, owner } = drawValue()
    // Three records share each second, as they do after a bulk import: one second is no cursor.
    const added = begin + Math.floor(place / 3) * 3 * step
    const dateAdded = isoSeconds(added)
    const later = (): string => isoSeconds(added + random.next() * (now - added))
    const observed = random.chance(0.2)
    const doubted = random.chance(0.05)
    const dated = random.chance(0.1)
    const seen = random.chance(0.15)
    return {
      ...value,
      summary: compact(value.summary),
      owner,
      dateAdded,
      lastModified: random.chance(0.6) ? dateAdded : later(),
      active: random.chance(0.88),
      activeLocked: random.chance(0.03),
      privateFlag: random.chance(0.02),
      rating: random.chance(0.8) ? random.below(11) / 2 : undefined,
      confidence: random.chance(0.8) ? random.below(101) : undefined,
      threatAssess: random.chance(0.75)
        ? { score: random.below(1001), rating: random.below(51) / 10, confidence: random.below(101) }
        : undefined,
      calScore: random.chance(0.4) ? random.below(1001) : undefined,
      source: random.chance(0.3) ? random.pick(sources) : undefined,
      description: random.chance(0.5) ? random.pick(descriptions) : undefined,
      observations: observed ? 1 + random.below(500) : 0,
      lastObserved: observed ? later() : undefined,
      falsePositives: doubted ? 1 + random.below(5) : 0,
      lastFalsePositive: doubted ? later() : undefined,
      firstSeen: seen ? isoSeconds(added - random.below(90) * day) : undefined,
      lastSeen: seen ? later() : undefined,
      externalDateAdded: dated ? dateAdded : undefined,
      externalLastModified: dated ? later() : undefined,
      externalDateExpires: dated ? isoSeconds(added + (30 + random.below(700)) * day) : undefined,
      tags: random.pick(tagSets),
      labels: random.pick(labelSets),
      attributes: random.pick(attributeSets),
    }
  }
}

/** A value may come again, each time from another owner; one owner never has it twice. */
function createOwnedValues(random: Random): () => { readonly value: SeedValue; readonly owner: Owner } {
  const values = createValues(random)
  let value = values.next()
  let first = 0
  let uses = seedOwners.length
  return () => {
    if (uses < seedOwners.length && random.chance(0.12)) uses += 1
    else {
      value = values.next()
      first = random.below(seedOwners.length)
      uses = 1
    }
    const owner = seedOwners[(first + uses - 1) % seedOwners.length]
    if (owner === undefined) throw new Error('there are no owners')
    return { value, owner }
  }
}

function createDeleted(count: number, random: Random, now: number): DeletedRecord[] {
  const values = createValues(random, 1_000_000)
  return Array.from({ length: count }, () => {
    const { type, summary } = values.next()
    const deletedAt = now - random.below(30 * day)
    const dateAdded = isoSeconds(deletedAt - random.below(365 * day))
    return { owner: random.pick(seedOwners), dateAdded, type, summary, deletedAt: isoSeconds(deletedAt) }
  })
}
