/** Compares the receipt of a push with what the product has and has seen. */

/** An item of an export, as the API tells it. */
export interface Item {
  readonly value: string
  readonly status: string
  readonly reason: string | null
  readonly remoteId: string | null
  /** Times that it was sent again since an answer was missing. */
  readonly repeats: number
}

/** What the product has. */
export interface Entry {
  readonly value: string
  /** null: the product gives none. */
  readonly remoteId: string | null
}

/** A request that the product got, and that was to make it have these values. */
export interface Sending {
  readonly values: readonly string[]
  /** Number of the server that sent it: the next one starts after the end of this. */
  readonly life: number
  /**
   * What the server was answered. told: that it was carried out; refused: that it was not; unknown: nothing, or nothing
   * that says whether it was.
   */
  readonly answer: 'told' | 'refused' | 'unknown'
}

export interface Account {
  readonly entries: readonly Entry[]
  readonly sendings: readonly Sending[]
}

export interface PushVerdict {
  readonly byStatus: Readonly<Record<string, number>>
  /** Values that were sent once more after they may have been carried out, each time counted. */
  readonly sentAgain: number
  /** What the ledger says of the same. */
  readonly repeats: number
  /** Values that a server was told of and that another one sent again, since the first died before it noted it. */
  readonly toldInVain: number
  readonly faults: readonly string[]
}

/** @param pushed each value once */
export function judgePush(
  pushed: readonly string[],
  items: readonly Item[],
  { entries, sendings }: Account,
): PushVerdict {
  const held = Map.groupBy(entries, ({ value }) => value)
  const receipts = Map.groupBy(items, ({ value }) => value)
  const sent = sendingsOf(sendings)
  const known = new Set(pushed)
  const judged = pushed.map((value) => {
    const again = againOf(sent.get(value) ?? [])
    const [item, ...more] = receipts.get(value) ?? []
    const faults =
      item === undefined || more.length > 0
        ? [item === undefined ? 'no item' : 'several items']
        : faultsOf(item, held.get(value) ?? [], sent.get(value)?.length ?? 0, again)
    return { again, faults: faults.map((fault) => `${value}: ${fault}`) }
  })
  return {
    byStatus: Object.fromEntries(
      [...Map.groupBy(items, ({ status }) => status)].map(([status, { length }]) => [status, length]),
    ),
    sentAgain: judged.reduce((sum, { again }) => sum + again.times, 0),
    repeats: items.reduce((sum, { repeats }) => sum + repeats, 0),
    toldInVain: judged.reduce((sum, { again }) => sum + again.toldInVain, 0),
    faults: [
      ...judged.flatMap(({ faults }) => faults),
      ...[...receipts.keys()].filter((value) => !known.has(value)).map((value) => `${value}: never pushed`),
      ...[...held.keys()].filter((value) => !known.has(value)).map((value) => `${value}: made up`),
    ],
  }
}

/** Of each value those that may have been carried out, in their order. */
function sendingsOf(sendings: readonly Sending[]): Map<string, Sending[]> {
  const sent = new Map<string, Sending[]>()
  for (const sending of sendings) {
    if (sending.answer === 'refused') continue
    for (const value of sending.values) {
      const earlier = sent.get(value)
      if (earlier === undefined) sent.set(value, [sending])
      else earlier.push(sending)
    }
  }
  return sent
}

interface Again {
  readonly times: number
  readonly toldInVain: number
  /** Times that the server knew better. */
  readonly withoutCause: number
}

function againOf(sendings: readonly Sending[]): Again {
  const pairs = sendings.slice(1).map((next, place) => ({ earlier: sendings[place], next }))
  const told = pairs.filter(({ earlier }) => earlier?.answer === 'told')
  const withoutCause = told.filter(({ earlier, next }) => earlier?.life === next.life).length
  return { times: pairs.length, toldInVain: told.length - withoutCause, withoutCause }
}

function faultsOf(item: Item, held: readonly Entry[], sendings: number, again: Again): string[] {
  const { status, reason, remoteId, repeats } = item
  const delivered = status === 'accepted' || status === 'unchanged'
  const given = held[0]?.remoteId ?? null
  const rules: readonly (readonly [broken: boolean, fault: string])[] = [
    [!delivered && status !== 'rejected' && status !== 'dead', `is ${status}`],
    [!delivered && (reason === null || reason === ''), `is ${status} without a reason`],
    [delivered && held.length === 0, `is ${status}, and is not there`],
    [held.length > 1, `is there ${held.length} times`],
    [status === 'rejected' && held.length > 0, 'is rejected, and is there'],
    [delivered && sendings === 0, `is ${status}, and was never sent`],
    [delivered && given !== null && remoteId !== given, `has the id ${remoteId}, not ${given}`],
    [again.withoutCause > 0, 'was sent again although its answer had come'],
    [again.times > 0 && repeats === 0, `was sent ${again.times} times more, of which no repeat tells`],
  ]
  return rules.filter(([broken]) => broken).map(([, fault]) => fault)
}
