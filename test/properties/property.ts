/**
 * Properties as data: what is promised, for which inputs, and how it is looked at. `npm test` runs each for a moment,
 * `npm run test:fuzz` a million times.
 */
import { inspect } from 'node:util'
import { type Random, randomOf } from './random.ts'
import { smaller } from './shrink.ts'

export interface Definition<Case> {
  readonly name: string
  /** In plain words: what a user may rely on. */
  readonly guarantee: string
  /** Inputs in one case; default 1. */
  readonly inputs?: number
  /** Inputs of the short run. */
  readonly short: number
  /** A value as JSON has it, so that it can be made smaller. */
  make(random: Random): Case
  /** @throws where the guarantee does not hold; takes whatever a smaller case looks like */
  check(given: Case): void | Promise<void>
}

export interface Failure {
  /** Which of the seed's cases. */
  readonly index: number
  /** The smallest case that was found to fail. */
  readonly shown: string
  readonly why: string
}

export interface Property {
  readonly name: string
  readonly guarantee: string
  readonly inputs: number
  readonly short: number
  /** Checks one case of the seed. */
  attempt(seed: number, index: number): Failure | undefined | Promise<Failure | undefined>
}

export interface Subject {
  readonly name: string
  readonly properties: readonly Property[]
  /** Ends what the subject has opened. */
  close?(): Promise<void>
}

export function property<Case>(definition: Definition<Case>): Property {
  const { name, guarantee, inputs = 1, short, make, check } = definition
  const failed = async (given: Case, index: number, error: unknown): Promise<Failure> => {
    const { smallest, why } = await smallestFailure(given, error, check)
    return { index, shown: inspect(smallest, { depth: 9, maxStringLength: 2000, maxArrayLength: 50 }), why }
  }
  return {
    name,
    guarantee,
    inputs,
    short,
    attempt(seed, index) {
      const given = make(randomOf(seed, index))
      try {
        const checking = check(given)
        // Most checks need no turn of the event loop, which would cost more than they do.
        if (checking === undefined) return undefined
        return checking.then(
          () => undefined,
          (error: unknown) => failed(given, index, error),
        )
      } catch (error) {
        return failed(given, index, error)
      }
    },
  }
}

const mostTries = 3000

async function smallestFailure<Case>(
  given: Case,
  error: unknown,
  check: Definition<Case>['check'],
): Promise<{ readonly smallest: Case; readonly why: string }> {
  let smallest = given
  let why = error
  let tries = 0
  for (let found = true; found && tries < mostTries; ) {
    found = false
    for (const candidate of smaller(smallest)) {
      if (++tries > mostTries) break
      try {
        await check(candidate as Case)
      } catch (reason) {
        if (!isAlike(reason, error)) continue
        smallest = candidate as Case
        why = reason
        found = true
        break
      }
    }
  }
  return { smallest, why: why instanceof Error ? (why.stack ?? why.message) : String(why) }
}

/** A smaller case may be none that ever comes up, and fail for that: then it tells nothing. */
function isAlike(reason: unknown, error: unknown): boolean {
  if (!(reason instanceof Error && error instanceof Error)) return false
  const [a = '', b = ''] = [reason, error].map(({ message }) => message.slice(0, 12).replace(/["\d].*/s, ''))
  return reason.name === error.name && a === b
}

export interface Outcome {
  readonly inputs: number
  readonly seconds: number
  readonly failure?: Failure
}

/** @param from the first case; others than 0 repeat one that failed */
export async function run(
  { inputs, attempt }: Property,
  { seed, runs, from = 0 }: { readonly seed: number; readonly runs: number; readonly from?: number },
): Promise<Outcome> {
  const began = performance.now()
  const cases = Math.ceil(runs / inputs)
  for (let index = from; index < from + cases; index++) {
    const attempted = attempt(seed, index)
    const failure = attempted === undefined ? undefined : await attempted
    if (failure !== undefined) {
      return { inputs: (index - from + 1) * inputs, seconds: (performance.now() - began) / 1000, failure }
    }
  }
  return { inputs: cases * inputs, seconds: (performance.now() - began) / 1000 }
}

/** For checks: the message says what was expected of what. */
export function expect(holds: boolean, words: () => string): asserts holds {
  if (!holds) throw new Error(words())
}

export function expectSame(what: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}:\n  is       ${a}\n  expected ${b}`)
}
