/**
 * A ThreatConnect of any size that holds nothing: each page is made when it is asked for. The message `{ wave }` changes
 * one in a hundred of its records, others with each wave.
 *
 *   growing-vendor.ts RECORDS SEED
 */
import { createServer } from 'node:http'
import { isTouched } from '../harness/growing.ts'
import { threatConnectRecord } from '../harness/records.ts'
import { envelope, pageSize, walkedTo } from '../harness/walk.ts'
import { listen } from './listen.ts'

const [total = 0, seed = 0] = process.argv.slice(2).map(Number)
let wave = 0

process.on('message', (message: { readonly wave: number }) => {
  wave = message.wave
  process.send?.({ wave })
})

/** As of now: the last wave that touched it. */
function versionOf(index: number): number {
  for (let at = wave; at > 0; at--) if (isTouched(index, at, seed)) return at
  return 0
}

listen(
  createServer((request, response) => {
    const asked = walkedTo(request, response, total)
    if (asked === undefined) return
    const records = Array.from({ length: Math.min(pageSize, total - asked.start) }, (_, place) => {
      const index = asked.start + place
      return JSON.stringify(threatConnectRecord(index, versionOf(index)))
    })
    const { head, tail } = envelope(asked, total)
    const body = Buffer.from(head + records.join(',') + tail)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    response.end(body)
  }),
)
