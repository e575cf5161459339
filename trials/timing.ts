/**
 * That the time of an answer tells nothing of a key: wrong keys that have nothing, much, or all but one character in common
 * with one of ours, and ids that are known or not, in random order, many times. Two kinds are told apart where Welch's t of
 * their times, the slowest tenth left out, is beyond 4.5 (as ISO/IEC 17825 has it) in each of three rounds. Exit code 1: so
 * it is.
 *
 *   node trials/timing.ts [--samples N] [--seed N]
 */
import { createHash } from 'node:crypto'
import { Agent, request } from 'node:http'
import { numberOf } from '../bench/harness/size.ts'
import { keyRing } from '../src/http/auth.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import { appWith } from '../test/app.ts'

const samples = numberOf(process.argv, '--samples', 20_000, 100)
const seed = numberOf(process.argv, '--seed', 1)
const random = createRandom(seed)
const rounds = 3
const beyond = 4.5

const secretOf = (id: string) => `${id}-${createHash('sha256').update(id).digest('base64url')}`
const ids = Array.from({ length: 20 }, (_, index) => `key${String(index).padStart(2, '0')}`)
const keys = ids.map((id) => ({ id, secret: secretOf(id), scopes: ['feeds:read'] }))
const first = secretOf('key00')
const last = secretOf('key19')
const other = `zzz00-${createHash('sha256').update('other').digest('base64url')}`

/** All of one length, and all wrong. */
const kinds: readonly (readonly [what: string, id: string, secret: string])[] = [
  ['unknown id, nothing in common', 'zzz00', other],
  ['known id, nothing in common', 'key00', other],
  [
    'known id, first half right',
    'key00',
    first.slice(0, first.length / 2) + other.slice(other.length - first.length / 2),
  ],
  ['known id, all but the last character', 'key00', `${first.slice(0, -1)}!`],
  ['last id, all but the last character', 'key19', `${last.slice(0, -1)}!`],
]

interface Stats {
  readonly mean: number
  readonly variance: number
  readonly count: number
  readonly median: number
}

function statsOf(times: readonly number[]): Stats {
  const kept = times.toSorted((a, b) => a - b).slice(0, Math.ceil(times.length * 0.9))
  const mean = kept.reduce((sum, each) => sum + each, 0) / kept.length
  const variance = kept.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (kept.length - 1)
  return { mean, variance, count: kept.length, median: kept[Math.floor(times.length / 2)] ?? 0 }
}

function welch(a: Stats, b: Stats): number {
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)
}

async function round(
  count: number,
  measure: (id: string, secret: string) => number | Promise<number>,
): Promise<Stats[]> {
  const times = kinds.map((): number[] => [])
  for (let sample = 0; sample < count * kinds.length; sample++) {
    const index = random.below(kinds.length)
    const [, id = '', secret = ''] = kinds[index] ?? []
    times[index]?.push(await measure(id, secret))
  }
  return times.map(statsOf)
}

/** @returns whether no two kinds were told apart */
async function tell(what: string, count: number, measure: Parameters<typeof round>[1]): Promise<boolean> {
  await round(Math.ceil(count / 10), measure)
  const all: Stats[][] = []
  for (let turn = 0; turn < rounds; turn++) all.push(await round(count, measure))
  console.log(
    `\n${what}: ${count} samples of each kind in each of ${rounds} rounds; median ns, and t against the first kind`,
  )
  let worst = 0
  for (const [index, [name]] of kinds.entries()) {
    const ts = all.map((stats) => welch(stats[index] ?? empty, stats[0] ?? empty))
    const medians = all.map((stats) => Math.round(stats[index]?.median ?? 0))
    if (index > 0) worst = Math.max(worst, Math.min(...ts.map(Math.abs)))
    const shown = index === 0 ? '' : ts.map((each) => each.toFixed(2)).join(' ')
    console.log(`  ${name.padEnd(40)} ${medians.join(' ').padEnd(28)} ${shown}`)
  }
  const isGood = worst <= beyond
  console.log(
    isGood
      ? `  not told apart (${worst.toFixed(2)} at most in every round)`
      : `  TOLD APART: ${worst.toFixed(2)}`,
  )
  return isGood
}

const empty: Stats = { mean: 0, variance: 1, count: 1, median: 0 }

console.log(`seed ${seed}`)
const digests = keys.map(({ id, secret, scopes }) => ({
  id,
  scopes,
  digests: [createHash('sha256').update(secret).digest('hex')],
}))
const ring = keyRing(digests)
const looked = await tell('the look at the key alone', samples, (id, secret) => {
  const start = process.hrtime.bigint()
  ring.find(secret, id)
  return Number(process.hrtime.bigint() - start)
})

const app = await appWith({ auth: { keys }, feeds: [{ name: 'all' }] })
const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const asked = await tell('a request by HTTP Basic', Math.ceil(samples / 10), (id, secret) => {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint()
    const asking = request({ port, agent, path: '/feeds/all.txt', headers: { authorization } }, (answer) => {
      answer.resume().once('end', () => {
        if (answer.statusCode !== 401) reject(new Error(`answered ${answer.statusCode}`))
        else resolve(Number(process.hrtime.bigint() - start))
      })
    })
    asking.once('error', reject).end()
  })
})
agent.destroy()
await app.close()
process.exitCode = looked && asked ? 0 : 1
