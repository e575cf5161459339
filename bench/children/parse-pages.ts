/**
 * The least that reads pages: fetches each and parses its JSON. The message `{ from, to }` names pages; the answer is
 * how many records they had, and seconds.
 *
 *   parse-pages.ts ORIGIN
 */
import { request } from 'undici'
import { firstId } from '../harness/records.ts'

const [origin = ''] = process.argv.slice(2)
const pageSize = 1000

export interface Pages {
  readonly from: number
  readonly to: number
}

export interface Parsed {
  readonly records: number
  readonly seconds: number
}

async function parse({ from, to }: Pages): Promise<Parsed> {
  const started = performance.now()
  let records = 0
  for (let page = from; page < to; page++) {
    const tql = `id GT ${firstId + page * pageSize - 1}`
    const query = new URLSearchParams({ tql, resultLimit: String(pageSize), ungated: '1' })
    const { body } = await request(`${origin}/api/v3/indicators?${query}`)
    const envelope = JSON.parse(await body.text()) as { readonly data: readonly unknown[] }
    records += envelope.data.length
  }
  return { records, seconds: (performance.now() - started) / 1000 }
}

process.on('message', (pages: Pages) => {
  parse(pages).then((parsed) => process.send?.(parsed))
})
console.log('listening on messages')
