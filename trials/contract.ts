/**
 * The contract trial at length: requests made from openapi.yaml, thousands for each operation, against the whole server
 * with all simulated vendors. Exit code 1: an answer is not as the description and the rules of the API want it.
 *
 *   node trials/contract.ts [--cases N] [--seed N] [--only TEXT]
 */
import {
  type ContractResult,
  type Finding,
  runContract,
  runRaw,
  runTaxii,
  runWithoutVendors,
  startContractWorld,
} from '../test/http/contract/run.ts'

const option = (name: string): string | undefined => {
  const place = process.argv.indexOf(name)
  return place < 0 ? undefined : process.argv[place + 1]
}
const cases = Number(option('--cases') ?? 2000)
const seed = Number(option('--seed') ?? Math.trunc(Math.random() * 2 ** 31))
const only = option('--only')

const ends: (() => Promise<void>)[] = []
try {
  const world = await startContractWorld({ teardown: (end) => ends.unshift(end) })
  console.log(`up to ${cases} requests for each operation, seed ${seed}`)
  const began = performance.now()
  const found: Finding[] = []
  const tell = (what: string, { asked, findings, statuses }: ContractResult) => {
    console.log(`${asked} requests ${what}: ${JSON.stringify(statuses)}`)
    found.push(...findings)
  }
  const options = { cases, seed, ...(only !== undefined && { only }) }
  tell('to the API', await runContract(world, options))
  if (only === undefined) {
    tell('to TAXII', await runTaxii(world, options))
    found.push(...(await runRaw(world)))
    tell('without the vendors', await runWithoutVendors(world))
  }
  for (const { request, what, faults } of found) {
    console.log(`\n${request}\n  ${what}`)
    for (const fault of faults) console.log(`  - ${fault}`)
  }
  const end = found.length === 0 ? 'all answers are as described' : `${found.length} are not as described`
  console.log(`${end}; ${Math.round((performance.now() - began) / 1000)} s`)
  if (found.length > 0) process.exitCode = 1
} finally {
  for (const end of ends) await end()
}
