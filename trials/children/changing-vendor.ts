/**
 * The simulated ThreatConnect with records of which everything is known, changed at random while it is read. It is
 * also the judge of what was stored of it. Messages are `Order`s, each is answered.
 *
 *   changing-vendor.ts RECORDS UNREADABLE SEED
 */
import { emptyCorpus } from '../../src/sources/threatconnect/simulator/corpus/corpus.ts'
import { createRandom } from '../../src/sources/threatconnect/simulator/corpus/random.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import {
  completeIndicator,
  type IndicatorRecord,
  type NewIndicator,
} from '../../src/sources/threatconnect/simulator/records.ts'

const [records = '', unreadable = '', seed = ''] = process.argv.slice(2)
const random = createRandom(Number(seed))

/** One record, as the server has it. */
export interface StoredRecord {
  readonly id: string
  readonly value: string
  readonly active: boolean
  readonly confidence: number | undefined
  readonly threatAssess: number | undefined
  readonly score: number
}

export type Order =
  /** Changes begin, or end; answered with `Changes`. */
  | { readonly do: 'change' | 'rest' }
  /** So many changes, of which as many come as go; answered with `Changes`. */
  | { readonly do: 'change some'; readonly changes: number }
  /** Answered with `Verdict`: what of them is wrong. */
  | { readonly do: 'check'; readonly stored: readonly StoredRecord[] }
  /** Answered with `Verdict`: what should have been among those checked and was not. */
  | { readonly do: 'missing' }
  /** Answered once so many more requests have come. */
  | { readonly do: 'await'; readonly requests: number }

export interface Changes {
  readonly updated: number
  readonly deactivated: number
  readonly reactivated: number
  readonly removed: number
  readonly added: number
  readonly comeBack: number
  /** Records that are reachable now. */
  readonly reachable: number
}

export interface Verdict {
  readonly wrong: number
  /** The first ones. */
  readonly examples: readonly string[]
}

const types = ['Address', 'Host', 'URL', 'EmailAddress', 'File', 'Host', 'Address'] as const
const dayOf = (index: number) => `2024-0${1 + (index % 9)}-1${index % 10}T01:07:13Z`

/** In canonical form, so that it has to be stored as it is. */
function summaryOf(type: string, index: number): string {
  switch (type) {
    case 'Address':
      return `${203 - (index >> 16)}.0.${(index >> 8) & 255}.${index & 255}`
    case 'Host':
      return `host-${index}.malware.example`
    case 'URL':
      return `https://host-${index}.malware.example/login?session=${index}`
    case 'EmailAddress':
      return `account.${index}@mail.example`
    default:
      return index.toString(16).padStart(64, '0')
  }
}

function indicatorOf(index: number): NewIndicator & { readonly type: string } {
  const type = types[index % types.length] ?? 'Host'
  return {
    type,
    summary: summaryOf(type, index),
    active: random.chance(0.9),
    confidence: random.below(101),
    threatAssess: { score: random.below(1001) },
    description: `Seen in a phishing campaign as number ${index}.`,
  }
}

function corpusOf(size: number, unreadable: number) {
  const owners = emptyCorpus.owners.slice(0, 3)
  const step = Math.floor(size / unreadable)
  const indicators = Array.from({ length: size }, (_, index) => {
    const { tags: _tags, labels: _labels, owner: _owner, ...rest } = indicatorOf(index)
    const owner = owners[index % owners.length]
    if (owner === undefined) throw new Error('there are no owners')
    // Spread over all of them.
    const spoilt = index % step === 0 && index / step < unreadable
    const id = 1000 + index
    const json = spoilt ? JSON.stringify({ id, type: rest.type, ownerName: owner.name }) : undefined
    const active = spoilt || rest.active
    return completeIndicator({ ...rest, active, id, owner, dateAdded: dayOf(index), json })
  })
  return { ...emptyCorpus, owners, indicators }
}

const simulator = await startThreatConnectSimulator({
  corpus: corpusOf(Number(records), Number(unreadable)),
  accounts: [{ accessId: 'bench', secretKey: 'bench' }],
})
const { records: store } = simulator

const counts = { updated: 0, deactivated: 0, reactivated: 0, removed: 0, added: 0, comeBack: 0 }
const everyMs = 10
const perTick = 12
/** Each costs the simulator a search through all records, when it is asked whether they are there again. */
const removedShare = 0.02

function changeOne(): void {
  const record = random.pick(store.indicators)
  if (random.chance(removedShare)) {
    const { type, summary, owner } = record
    store.remove(record.id)
    counts.removed++
    // The same value under another id, behind what was read already.
    if (random.chance(0.3)) {
      store.add({ type, summary, owner, confidence: random.below(101), active: true })
      counts.comeBack++
    }
  } else if (random.chance(0.05)) {
    store.add(indicatorOf(Number(records) + counts.added))
    counts.added++
  } else if (random.chance(0.2)) {
    store.update(record.id, { active: !record.active })
    counts[record.active ? 'deactivated' : 'reactivated']++
  } else {
    store.update(record.id, { confidence: random.below(101), threatAssess: { score: random.below(1001) } })
    counts.updated++
  }
}

let changing: NodeJS.Timeout | undefined
const seen = new Set<unknown>()

function faultOf(stored: StoredRecord): string | undefined {
  const record = store.indicator(Number(stored.id))
  if (seen.has(record?.id)) return 'is stored twice'
  if (record === undefined) return 'is not reachable'
  seen.add(record.id)
  if (record.json !== undefined) return 'can not be read'
  const expected: StoredRecord = {
    id: stored.id,
    value: record.summary,
    active: record.active,
    confidence: record.confidence,
    threatAssess: record.threatAssess?.score,
    score: scoreOf(record.threatAssess?.score),
  }
  const told = (each: StoredRecord) =>
    JSON.stringify([each.value, each.active, each.confidence ?? null, each.threatAssess ?? null, each.score])
  return told(stored) === told(expected) ? undefined : `should be ${told(expected)}`
}

/** XSOAR's table. */
function scoreOf(threatAssess = 0): number {
  if (threatAssess === 0) return 0
  if (threatAssess <= 333) return 1
  return threatAssess <= 666 ? 2 : 3
}

function verdictOf(faults: readonly string[]): Verdict {
  return { wrong: faults.length, examples: faults.slice(0, 5) }
}

/** Inactive ones need not be stored: the source asks for active ones alone, as is the default. */
function isMissing(record: IndicatorRecord): boolean {
  return record.active && record.json === undefined && !seen.has(record.id)
}

let requests = 0
let wake = () => {}
// It spoils nothing: each request is counted as it is offered.
simulator.fail(
  { kind: 'reset' },
  {
    times: 'always',
    when() {
      requests++
      wake()
      return false
    },
  },
)

async function moreRequests(count: number): Promise<number> {
  const last = requests + count
  while (requests < last) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  return requests
}

async function carryOut(order: Order): Promise<Changes | Verdict | { readonly requests: number }> {
  switch (order.do) {
    case 'change':
      changing = setInterval(() => {
        for (let n = 0; n < perTick; n++) changeOne()
      }, everyMs)
      return { ...counts, reachable: store.indicators.length }
    case 'change some':
      for (let left = order.changes; left > 0; left--) changeOne()
      while (store.indicators.length > Number(records)) {
        store.remove(random.pick(store.indicators).id)
        counts.removed++
      }
      return { ...counts, reachable: store.indicators.length }
    case 'rest':
      clearInterval(changing)
      return { ...counts, reachable: store.indicators.length }
    case 'check':
      return verdictOf(
        order.stored.flatMap((stored) => {
          const fault = faultOf(stored)
          return fault === undefined ? [] : [`${JSON.stringify(stored)} ${fault}`]
        }),
      )
    case 'missing':
      return verdictOf(
        store.indicators
          .filter(isMissing)
          .map(({ id, type, summary }) => `${id} ${type} ${summary} is missing`),
      )
    case 'await':
      return { requests: await moreRequests(order.requests) }
  }
}

process.on('message', (order: Order) => {
  carryOut(order).then((answer) => process.send?.(answer))
})
console.log(`listening on ${simulator.url}`)
