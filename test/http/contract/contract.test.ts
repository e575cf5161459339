/** openapi.yaml is what the server does: each request that it allows, each that it does not, and all that is near them. */
import t, { type Test } from 'tap'
import { appWith } from '../../app.ts'
import { type Description, type Operation, readDescription } from './document.ts'
import { type Finding, runContract, runRaw, runTaxii, runWithoutVendors, startContractWorld } from './run.ts'
import { serverRoutes, shapeOf } from './server-routes.ts'

t.setTimeout(300_000)

const seed = Number(/^\d+$/.exec(process.argv[2] ?? '')?.[0] ?? Math.trunc(Math.random() * 2 ** 31))
const again = `repeat with: node trials/contract.ts --cases 2000 --seed ${seed}`

/** Addresses that the description leaves out, with the reason. */
const undescribed: readonly (readonly [route: RegExp, why: string])[] = [
  [/^HEAD /, 'goes with each GET'],
  [/^(GET|POST|DELETE) \/taxii2/, 'a standard of its own describes them'],
  [/^GET \/(assets\/\{\})?$/, 'the dashboard'],
  [/^GET \/docs/, 'Swagger UI'],
]

function holds(t: Test, findings: readonly Finding[]): void {
  for (const { request, what, faults } of findings) t.fail(`${request}\n${what}`, { faults, again })
}

t.test('the server has the routes that openapi.yaml describes, and no others', async (t) => {
  const app = await appWith({ sources: [], feeds: [{ name: 'any' }] })
  t.teardown(() => app.close())
  const described = readDescription().operations.map(({ name }) => shapeOf(name))
  const routes = serverRoutes(app).map(shapeOf)
  t.strictSame(
    routes.filter((route) => !described.includes(route) && !undescribed.some(([known]) => known.test(route))),
    [],
    'of the server, not in the description',
  )
  t.strictSame(
    described.filter((name) => !routes.includes(name)),
    [],
    'in the description, not of the server',
  )
  for (const [known, why] of undescribed)
    t.ok(
      routes.some((route) => known.test(route)),
      `there is ${why}`,
    )
})

/** Where it stands, and the fault. */
function exampleFaults({ fault }: Description, { name, body, responses, parameters }: Operation): string[] {
  const bodies = body === undefined ? [] : [['the body', body] as const]
  const answers = Object.entries(responses).flatMap(([status, { content = {} }]) =>
    Object.entries(content).map(([type, media]) => [`${status} ${type}`, media] as const),
  )
  const media = [...bodies, ...answers].flatMap(([where, { schema, example }]) => {
    if (schema === undefined || example === undefined) return [`${name} ${where}: without schema or example`]
    // The example of lines is a line.
    const value = where.endsWith('ndjson') ? JSON.parse(String(example)) : example
    const wrong = fault(schema, value)
    return wrong === undefined ? [] : [`${name} ${where}: ${wrong}`]
  })
  const given = parameters.flatMap(({ name: parameter, schema, example }) => {
    const wrong = example === undefined ? 'without example' : fault(schema, example)
    return wrong === undefined ? [] : [`${name} ${parameter}: ${wrong}`]
  })
  return [...media, ...given]
}

t.test('every example in openapi.yaml is one of what its schema describes', async (t) => {
  const description = readDescription()
  const faults = description.operations.flatMap((operation) => exampleFaults(description, operation))
  t.strictSame(faults, [])
})

t.test(
  `whatever is sent, the answer is a described one, and every error says what is wrong (seed ${seed})`,
  async (t) => {
    const world = await startContractWorld(t)
    const { asked, operations, findings, statuses } = await runContract(world, { cases: 12, seed })
    holds(t, findings)
    t.ok(asked >= 850 && operations >= 65, `${asked} requests to ${operations} operations`)
    for (const status of [200, 202, 400, 401, 404, 405])
      t.ok(statuses[status], `some were answered ${status}`)

    const taxii = await runTaxii(world, { cases: 12, seed })
    holds(t, taxii.findings)
    t.ok(taxii.statuses[200] && taxii.statuses[400] && taxii.statuses[406], `${taxii.asked} to TAXII`)

    holds(t, await runRaw(world))

    const alone = await runWithoutVendors(world)
    holds(t, alone.findings)
    t.ok((alone.statuses[503] ?? 0) >= 5, 'without the vendors some are 503, and documented so')
  },
)

t.test('what the trial looks for, it finds', async (t) => {
  const { fault } = readDescription()
  const problem = { $ref: '#/components/schemas/Problem' }
  const good = {
    ...{ type: 'urn:a', title: 'a', status: 400, detail: 'a', instance: '/a' },
    ...{ code: 'ARGUMENT_INVALID', requestId: 'a' },
  }
  t.equal(fault(problem, good), undefined)
  t.match(fault(problem, { ...good, stack: 'Error' }), /additional/, 'a member that is not described')
  t.match(fault(problem, { ...good, status: '400' }), /integer/)
  const { code: _, ...without } = good
  t.match(fault(problem, without), /required/)
})
