/** One statement of one method of the store goes wrong; what it left is what was, or what it should have made. */
import { ServiceError } from '../../../src/errors.ts'
import type { PostgresStore } from '../../../src/store/postgres/index.ts'
import { freshDatabase } from '../../store/database.ts'
import { type DatabaseProxy, type Fault, startDatabaseProxy } from './proxy.ts'
import { type Call, calls, type Method } from './store-calls.ts'
import { fillStore, openStore, type StoreWorld } from './store-world.ts'
import { differenceOf, type StateKeeper, type StoredState, stateKeeper } from './stored-state.ts'

export const methods = Object.keys(calls) as readonly Method[]

/** Those after which the database has carried nothing out, and says that it can be done again. */
export const conflicts: readonly Fault[] = [
  { kind: 'error', code: '40001' },
  { kind: 'error', code: '40P01' },
]
/** Whoever asked is told that the store is away, at worst. */
export const losses: readonly Fault[] = [
  { kind: 'cut before' },
  { kind: 'cut after' },
  { kind: 'fatal', code: '57P01' },
  { kind: 'error', code: '57014' },
  { kind: 'error', code: '53100' },
  { kind: 'error', code: '53200' },
  { kind: 'error', code: '25006' },
]

export interface Expected {
  /** Statements of the call, without those that make connections ready. */
  readonly statements: number
  readonly result: string
  readonly after: StoredState
}

export interface Spoiling {
  readonly store: PostgresStore
  readonly before: StoredState
  /** How the method goes where nothing goes wrong. */
  expected(method: Method): Promise<Expected>
  /** @returns whether the fault was met, and what is wrong of what came of it */
  spoil(method: Method, fault: Fault, at: number): Promise<{ readonly met: boolean; readonly wrong?: string }>
}

export async function spoiling(t: { teardown(after: () => Promise<void>): void }): Promise<Spoiling> {
  const { connection } = await freshDatabase(t)
  const direct = await openStore(connection)
  const world = await fillStore(direct)
  await direct.close()
  const keeper = await stateKeeper(connection)
  t.teardown(() => keeper.close())
  const before = await keeper.keep()
  const proxy = await startDatabaseProxy(connection)
  t.teardown(() => proxy.close())
  const store = await openStore({ ...connection, host: proxy.host, port: proxy.port })
  t.teardown(() => store.close())
  const at = { store, world, keeper, proxy, before }
  const known = new Map<Method, Expected>()
  const expected = async (method: Method) => {
    const found = known.get(method) ?? (await undisturbed(at, calls[method]))
    known.set(method, found)
    return found
  }
  return {
    store,
    before,
    expected,
    spoil: async (method, fault, number) =>
      spoil(at, { method, fault, number, expected: await expected(method) }),
  }
}

interface Place {
  readonly store: PostgresStore
  readonly world: StoreWorld
  readonly keeper: StateKeeper
  readonly proxy: DatabaseProxy
  readonly before: StoredState
}

async function undisturbed({ store, world, keeper, proxy }: Place, { call, does }: Call): Promise<Expected> {
  let statements = 0
  proxy.decide = ({ sql }) => {
    if (!isSetUp(sql)) statements++
    return undefined
  }
  const result = told(await call(store, world))
  const after = await keeper.now()
  if (does !== 'reads') await keeper.back(after)
  return { statements, result, after }
}

/** Of a connection that was made just now. */
function isSetUp(sql: string): boolean {
  return sql.startsWith('set timezone')
}

interface Case {
  readonly method: Method
  readonly fault: Fault
  /** Which of the statements. */
  readonly number: number
  readonly expected: Expected
}

async function spoil(place: Place, { method, fault, number, expected }: Case) {
  const { store, world, keeper, proxy, before } = place
  const { call, does, varies = false } = calls[method]
  let seen = 0
  let met = false
  proxy.decide = ({ sql }) => {
    if (met || isSetUp(sql) || ++seen < number) return undefined
    met = true
    return fault
  }
  const outcome = await call(store, world).then(
    (value) => ({ result: told(value) }),
    (error: unknown) => ({ error }),
  )
  proxy.decide = () => undefined
  const isConflict = fault.kind === 'error' && fault.code.startsWith('40')
  const faults: string[] = []
  const says = (what: string) => faults.push(what)
  if ('error' in outcome) {
    if (isConflict) says(`was not carried out again, but failed: ${outcome.error}`)
    else if (!isUnavailable(outcome.error)) says(`failed with ${outcome.error}`)
  } else if (
    outcome.result !== expected.result &&
    !varies &&
    !(method === 'ready' && isAway(outcome.result))
  ) {
    says(`gave ${outcome.result.slice(0, 500)} instead of ${expected.result.slice(0, 500)}`)
  }
  if (does !== 'reads') {
    const found = await keeper.now()
    const isDone = found.text === expected.after.text
    if (!isDone && !('error' in outcome))
      says(`did not do it:\n${differenceOf(found.text, expected.after.text)}`)
    if (!isDone && does === 'writes' && found.text !== before.text) {
      says(`did half of it:\n${differenceOf(found.text, before.text)}`)
    }
    await keeper.back(!isDone && 'error' in outcome ? await again(says) : found)
  } else if ('error' in outcome) await again(says)

  async function again(says: (what: string) => void): Promise<StoredState> {
    const result = told(await call(store, world))
    if (does !== 'steps' && !varies && result !== expected.result) {
      says(`gave ${result.slice(0, 500)} the second time instead of ${expected.result.slice(0, 500)}`)
    }
    if (does === 'reads') return before
    const found = await keeper.now()
    if (found.text !== expected.after.text) {
      says(`is wrong the second time:\n${differenceOf(found.text, expected.after.text)}`)
    }
    return found
  }
  return { met, ...(faults.length > 0 && { wrong: faults.join('\n') }) }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'STORE_UNAVAILABLE'
}

function isAway(result: string): boolean {
  return result.startsWith('{"ok":false')
}

const randomId = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g
/** Given by a sequence, which no rollback takes back. */
const bodyNumber = /"body":\d+/g

function told(result: unknown): string {
  return JSON.stringify(result ?? null)
    .replaceAll(randomId, 'a random id')
    .replaceAll(bodyNumber, '"body":0')
}

export function nameOf(fault: Fault): string {
  return 'code' in fault ? `${fault.kind} ${fault.code}` : fault.kind
}
