/** A simulated ThreatConnect whose records change at random, of which everything is known. */
import { emptyCorpus } from '../../../src/sources/threatconnect/simulator/corpus/corpus.ts'
import type { Random } from '../../../src/sources/threatconnect/simulator/corpus/random.ts'
import { startThreatConnectSimulator } from '../../../src/sources/threatconnect/simulator/index.ts'
import { completeIndicator, type NewIndicator } from '../../../src/sources/threatconnect/simulator/records.ts'

export interface ChangingVendor {
  readonly url: string
  /** Some records are changed, deactivated, deleted and made. */
  change(count: number): void
  /** Of every record that is active: `id value confidence`. */
  active(): readonly string[]
  /** Of every record, active or not. */
  all(): readonly string[]
  close(): Promise<void>
}

const types = ['Address', 'Host', 'URL', 'EmailAddress'] as const

/** In canonical form, so that it has to be stored as it is; each value once. */
function indicatorOf(index: number, random: Random): NewIndicator & { readonly type: string } {
  const type = types[index % types.length] ?? 'Host'
  const summary = {
    Address: `203.0.${index >> 8}.${index & 255}`,
    Host: `host-${index}.malware.example`,
    URL: `https://host-${index}.malware.example/login`,
    EmailAddress: `account.${index}@mail.example`,
  }[type]
  return { type, summary, active: random.chance(0.9), confidence: random.below(101) }
}

export async function startChangingVendor(size: number, random: Random): Promise<ChangingVendor> {
  const [owner] = emptyCorpus.owners
  if (owner === undefined) throw new Error('there are no owners')
  const indicators = Array.from({ length: size }, (_, index) => {
    const { tags: _tags, labels: _labels, owner: _owner, ...rest } = indicatorOf(index, random)
    return completeIndicator({ ...rest, id: 1000 + index, owner, dateAdded: '2024-01-02T01:07:13Z' })
  })
  const simulator = await startThreatConnectSimulator({
    corpus: { ...emptyCorpus, owners: [owner], indicators },
    accounts: [{ accessId: 'faults', secretKey: 'faults' }],
  })
  const { records } = simulator
  let made = size
  const changeOne = () => {
    const record = random.pick(records.indicators)
    const what = random.below(100)
    if (what < 15) records.remove(record.id)
    else if (what < 35) records.add(indicatorOf(made++, random))
    else if (what < 50) records.update(record.id, { active: !record.active })
    else records.update(record.id, { confidence: random.below(101) })
  }
  const told = ({ id, summary, confidence }: (typeof records.indicators)[number]) =>
    `${id} ${summary} ${confidence}`
  return {
    url: simulator.url,
    change(count) {
      for (let n = 0; n < count; n++) changeOne()
    },
    active: () => records.indicators.filter(({ active }) => active).map(told),
    all: () => records.indicators.map(told),
    close: () => simulator.close(),
  }
}
