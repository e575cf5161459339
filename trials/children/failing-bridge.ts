/**
 * Both simulated ends of a bridge in a process of their own, that spoil requests at random. Messages are
 * `FailingBridgeOrder`s, each is answered.
 *
 *   failing-bridge.ts SHARE SEED
 */

import { type BridgeTimes, bridgeSettings, startBridgeEnds } from '../../bench/harness/bridge-ends.ts'
import { type BridgeVerdict, judgeBridge } from '../../bench/harness/bridge-judge.ts'
import type { RecordedRequest } from '../../src/simulation/simulator.ts'
import { createRandom } from '../../src/sources/threatconnect/simulator/corpus/random.ts'

export type FailingBridgeOrder =
  /** Answered with `BridgeSettings`. */
  | { readonly do: 'settings'; readonly times: BridgeTimes }
  | { readonly do: 'add'; readonly tickets: number; readonly notes: number; readonly attachmentBytes: number }
  /** Answered once so many more requests have come, or the time is over, with `Came`. */
  | { readonly do: 'await'; readonly requests: number; readonly ms: number }
  /** So many tickets get a note, another priority, or one more attachment. */
  | { readonly do: 'change'; readonly times: number }
  /** So many tickets are closed, at the desk or by their incident; not the newest ones. */
  | { readonly do: 'close'; readonly times: number }
  /** Nothing goes wrong any more. */
  | { readonly do: 'calm' }
  /** Answered with `BridgeAccount`. */
  | { readonly do: 'judge' }

export interface Came {
  readonly requests: number
}

export interface BridgeAccount extends BridgeVerdict {
  readonly ids: readonly string[]
  readonly requests: number
  /** Writes of which there is to be one, that came: incidents, notes, files. */
  readonly sendings: number
  /** Of these, those that came after an equal one. */
  readonly sentAgain: number
}

const [, , share = '', seed = ''] = process.argv
const randomFaults = { share: Number(share), seed: Number(seed) }
const ends = await startBridgeEnds({ logLimit: 1_000_000, randomFaults })
const { ctp, soar } = ends
const random = createRandom(Number(seed))
const lookMs = 2
const priorities = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const
const ids: string[] = []
const closed = new Set<string>()
let changes = 0
/** Tickets that came last stay open for now. */
const newest = 20

function requests(): number {
  return ctp.requests.length + soar.requests.length
}

function come(wanted: number, ms: number): Promise<Came> {
  const before = requests()
  const last = performance.now() + ms
  return new Promise((resolve) => {
    const look = setInterval(() => {
      const came = requests() - before
      if (came < wanted && performance.now() < last) return
      clearInterval(look)
      resolve({ requests: came })
    }, lookMs)
  })
}

function change(): void {
  const open = ids.filter((id) => !closed.has(id))
  if (open.length === 0) return
  const id = random.pick(open)
  changes++
  switch (random.below(3)) {
    case 0: {
      const at = Math.floor(Date.now() / 1000) * 1000
      const description = `Change ${changes}: "C:\\Temp" & <10.0.0.${changes}> were looked at.`
      ctp.addWorklog(id, { dateCreated: at, description, type: 'SOC Note', createdBy: 'Jane Analyst' })
      return
    }
    case 1:
      ctp.mutate(id, { priority: random.pick(priorities) })
      return
    default: {
      const content = Buffer.from(random.hex(2000 + random.below(8000)))
      ctp.addAttachment(id, { name: `change-${changes}.txt`, content })
    }
  }
}

/** What is closed before it went over makes no incident. */
function close(): void {
  const old = ids.slice(0, -newest).filter((id) => !closed.has(id))
  if (old.length === 0) return
  const id = random.pick(old)
  const [incident] = soar.byTicket(id)
  if (incident === undefined) return
  closed.add(id)
  if (random.chance(0.5)) ctp.setStatus(id, 'Closed', 'True Positive')
  else soar.closeByAnalyst(incident.id, { summary: 'Looked at.' })
}

/** What makes two writes the same: undefined where they may be repeated. */
function sameness({ method, url, body }: RecordedRequest): string | undefined {
  if (method !== 'POST') return undefined
  const [path = ''] = url.split('?')
  if (path.endsWith('/incidents')) return /"scwx_ctp_ticket_id":"([^"]+)"/.exec(body)?.[0]
  const [, incident] = /\/incidents\/(\d+)\/comments$/.exec(path) ?? []
  if (incident !== undefined) return `${incident} ${/CTP-REF [0-9a-f]{12}/.exec(body)?.[0] ?? body}`
  return undefined
}

function account(): BridgeAccount {
  const same = soar.requests.map(sameness).filter((key) => key !== undefined)
  // The log has no bytes: all uploads but one for each file came again.
  const isUpload = ({ method, url }: RecordedRequest) => method === 'POST' && url.endsWith('/attachments')
  const uploads = soar.requests.filter(isUpload).length
  const verdict = judgeBridge(ends, ids)
  return {
    ...verdict,
    ids,
    requests: requests(),
    sendings: same.length + uploads,
    sentAgain: same.length - new Set(same).size + uploads - verdict.attachments,
  }
}

async function carryOut(order: FailingBridgeOrder): Promise<object> {
  switch (order.do) {
    case 'settings':
      return bridgeSettings(ends, order.times)
    case 'add': {
      const { tickets, notes, attachmentBytes } = order
      ids.push(...ctp.addTickets(tickets, { notes, attachmentBytes, seed: Number(seed) }))
      return {}
    }
    case 'await':
      return come(order.requests, order.ms)
    case 'change':
      for (let left = order.times; left > 0; left--) change()
      return {}
    case 'close':
      for (let left = order.times; left > 0; left--) close()
      return {}
    case 'calm':
      ctp.clearFaults()
      soar.clearFaults()
      return {}
    case 'judge':
      return account()
  }
}

process.on('message', (order: FailingBridgeOrder) => {
  carryOut(order).then((answer) => process.send?.(answer))
})
console.log(`listening on ${ctp.url}`)
