/**
 * The contract trial: requests made from openapi.yaml against the whole server, and each answer judged by it. The same
 * in short in the tests and at length as `node trials/contract.ts`.
 */
import { randomNumbers } from '../../../src/simulation/random.ts'
import type { Case, Known } from './case.ts'
import { besideCases, casesOf, mixedCases } from './cases.ts'
import { type Description, type Operation, readDescription } from './document.ts'
import { faultsOf, type Received } from './judge.ts'
import { rawFaults, rawRequests } from './raw.ts'
import { taxiiCases, taxiiFaults } from './taxii.ts'
import { sendBytes, type Wire, wireTo } from './wire.ts'
import { names, startWorld, type World } from './world.ts'

export interface ContractOptions {
  /** For each operation; the first is always the one that is right in every part. */
  readonly cases: number
  readonly seed: number
  /** Only operations whose name has this in it. */
  readonly only?: string
}

export interface Finding {
  /** What repeats it: the request, with its headers and the beginning of its body. */
  readonly request: string
  readonly what: string
  readonly faults: readonly string[]
}

export interface ContractResult {
  readonly asked: number
  readonly operations: number
  readonly findings: readonly Finding[]
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<number, number>>
}

const key = 'a-key-that-may-do-everything-1'

export const worldOptions = { auth: { keys: [{ id: 'root', secret: key, scopes: ['admin'] }] } }

export async function startContractWorld(t: Parameters<typeof startWorld>[0]): Promise<World> {
  return startWorld(t, worldOptions, key)
}

/** @throws Error where a request gets no answer at all */
export async function runContract(world: World, options: ContractOptions): Promise<ContractResult> {
  const description = readDescription()
  const known = await knownOf(world)
  const random = randomNumbers(options.seed)
  const operations = description.operations.filter(({ name }) => name.includes(options.only ?? ''))
  const chosen = operations.flatMap((operation) =>
    choose(casesOf(operation, description, known), options.cases, random),
  )
  const paths = [...new Set(operations.map(({ path }) => path))]
  const beside = paths.flatMap((path) =>
    besideCases(
      description.operations.filter((operation) => operation.path === path),
      known,
    ),
  )
  const wire = wireTo(world.url, connections)
  try {
    const all = [
      ...chosen,
      ...shuffled(beside, random).slice(0, Math.ceil((beside.length * options.cases) / 100)),
    ]
    return { asked: all.length, operations: operations.length, ...(await judged(wire, all, description)) }
  } finally {
    await wire.close()
  }
}

/** The same for /taxii2. */
export async function runTaxii(world: World, { cases, seed }: ContractOptions): Promise<ContractResult> {
  const { collections } = (await world.ask('GET', '/taxii2/feeds/collections/')).body as {
    collections: { id: string }[]
  }
  const collection = String(collections[0]?.id)
  const page = await world.ask('GET', `/taxii2/feeds/collections/${collection}/objects/?limit=1`)
  const [object] = (page.body as { objects: { id: string }[] }).objects
  const all = taxiiCases({ collection, object: String(object?.id) })
  const chosen = shuffled(all, randomNumbers(seed)).slice(0, cases * 15)
  const wire = wireTo(world.url, connections)
  try {
    const found = await sendAll(wire, chosen, (one, answer) => taxiiFaults(one, answer))
    return { asked: chosen.length, operations: 15, ...found }
  } finally {
    await wire.close()
  }
}

/** Bytes on the bare connection. */
export async function runRaw({ url }: World): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [what, bytes, answer] of rawRequests) {
    const faults = rawFaults(await sendBytes(url, Buffer.from(bytes, 'latin1')), answer)
    if (faults.length > 0) findings.push({ request: JSON.stringify(bytes.slice(0, 300)), what, faults })
  }
  return findings
}

/** What asks a vendor while it waits for the answer. */
const asksVendors =
  /^(GET|POST) .*\/(tc-get-\w+|check|fetch|poll|reconcile|install-fields|preview|doctor)$|tc-get-(indicators|owners)$/

/** With all vendors gone; ends their simulators. */
export async function runWithoutVendors(world: World): Promise<ContractResult> {
  const description = readDescription()
  const known = await knownOf(world)
  await world.simulators.close()
  const asked = description.operations
    .filter(({ name }) => asksVendors.test(name))
    .flatMap((operation) => casesOf(operation, description, known).slice(0, 1))
    .map(({ expect: _, ...one }): Case => ({ ...one, vendorsAway: true }))
  const wire = wireTo(world.url, connections)
  try {
    return { asked: asked.length, operations: asked.length, ...(await judged(wire, asked, description)) }
  } finally {
    await wire.close()
  }
}

const connections = 4

/** The first, others by chance, and when there are no more, mixtures of them. */
function choose(cases: readonly Case[], most: number, random: () => number): readonly Case[] {
  const [first, ...rest] = cases
  if (first === undefined) return []
  const chosen = [first, ...shuffled(rest, random).slice(0, most - 1)]
  return [...chosen, ...mixedCases(cases, random, Math.max(Math.ceil(most / 10), most - chosen.length))]
}

function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  const ranked = list.map((one) => ({ one, rank: random() })).sort((a, b) => a.rank - b.rank)
  return ranked.map(({ one }) => one)
}

function judged(wire: Wire, cases: readonly Case[], description: Description) {
  return sendAll(wire, cases, (one, answer) => faultsOf(one, answer, description))
}

type Sendable = Pick<Case, 'what' | 'method' | 'target' | 'headers' | 'body'>

async function sendAll<C extends Sendable>(
  wire: Wire,
  cases: readonly C[],
  judge: (one: C, answer: Received) => readonly string[],
) {
  const findings: Finding[] = []
  const statuses: Record<number, number> = {}
  const open = [...cases]
  const worker = async () => {
    for (let one = open.shift(); one !== undefined; one = open.shift()) {
      const answer = await answerTo(wire, one)
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
      const faults = judge(one, answer)
      if (faults.length > 0) findings.push({ request: told(one), what: one.what, faults })
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  return { findings, statuses }
}

async function answerTo(wire: Wire, one: Sendable): Promise<Received> {
  const { method, target, body } = one
  const headers = Object.fromEntries(
    Object.entries({ authorization: `Bearer ${key}`, ...one.headers }).filter(([, value]) => value !== ''),
  )
  try {
    return await wire.send({ method, target, headers, ...(body !== undefined && { body }) })
  } catch (cause) {
    throw new Error(`no answer to ${told(one)}`, { cause })
  }
}

function told({ method, target, headers, body }: Sendable): string {
  const lines = Object.entries(headers).map(([name, value]) => ` -H '${name}: ${value.slice(0, 80)}'`)
  const data = body === undefined ? '' : ` -d '${body.toString().slice(0, 300)}'`
  return `${method} ${target.slice(0, 300)}${lines.join('')}${data}`
}

/** Ids of what is there, as a client finds them. */
async function knownOf({ ask }: World): Promise<Known> {
  const first = async (path: string) => {
    const { body } = await ask('GET', path)
    const [item] = (body as { data: Record<string, unknown>[] }).data
    if (item === undefined) throw new Error(`${path} has nothing`)
    return item
  }
  const indicator = await first('/api/v1/indicators?type=ipv4&limit=1')
  const ticket = await first('/api/v1/tickets?state=open')
  const paths: readonly (readonly [begins: string, parameter: string, value: string])[] = [
    ['/api/v1/sources/', 'name', names.source],
    ['/api/v1/feeds/', 'name', names.feed],
    ['/api/v1/feeds/', 'consumer', 'panos'],
    ['/feeds/{file}', 'file', `${names.feed}.txt`],
    ['/feeds/{name}', 'name', names.feed],
    ['/feeds/{name}', 'file', 'manifest.json'],
    ['/api/v1/push/', 'exporter', names.exporter],
    // The only one that tells what it has.
    ['/api/v1/exporters/{name}/reconcile', 'name', names.otherExporter],
    ['/api/v1/exporters/', 'name', names.exporter],
    ['/api/v1/bridges/', 'name', names.bridge],
    ['/api/v1/indicators/', 'id', String(indicator.id)],
    ['/api/v1/runs/', 'id', 'latest'],
    ['/api/v1/polls/', 'id', 'latest'],
    ['/api/v1/exports/', 'id', 'latest'],
    ['/api/v1/effects/', 'id', 'latest'],
    ['/api/v1/tickets/', 'bridge', names.bridge],
    ['/api/v1/tickets/', 'ticketId', String(ticket.ticketId)],
  ]
  return {
    path({ path, name: operation }, name) {
      const found = paths.find(([begins, parameter]) => path.startsWith(begins) && parameter === name)
      if (found === undefined) throw new Error(`${operation} has a parameter that nobody knows: ${name}`)
      return found[2]
    },
    query: ({ name: operation }, name) =>
      operation === 'GET /api/v1/indicators/lookup' && name === 'value' ? String(indicator.value) : undefined,
    body: (operation: Operation) => bodies[operation.name] ?? operation.body?.example ?? {},
    outcome: ({ name }) => outcomes[name] ?? '2xx',
  }
}

const bodies: Readonly<Record<string, unknown>> = {
  'POST /api/v1/push/{exporter}': { indicators: ['evil.example'], dryRun: true },
}

const outcomes: Readonly<Record<string, readonly number[]>> = {
  // One may be under way.
  'POST /api/v1/bridges/{name}/poll': [202, 409],
  // Depends on what became of it.
  'POST /api/v1/effects/{id}/retry': [200, 404, 409],
  'POST /api/v1/effects/{id}/skip': [200, 404, 409],
  // This server was not started from a file.
  'POST /api/v1/config/reload': [422],
}
