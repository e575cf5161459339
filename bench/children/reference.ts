/**
 * What the pass-through is measured against: the least code that does the job. It asks for the same pages one after
 * the other, parses them, and answers with everything as JSON; `flat` makes a small object of each record first.
 *
 *   reference.ts PAGES-URL [flat]
 */
import { createServer, type ServerResponse } from 'node:http'
import { request } from 'undici'
import { listen } from './listen.ts'

const [origin = '', shape] = process.argv.slice(2)
const pageSize = 1000

interface Named {
  readonly name: string
}

/** Members of a stored record that the flat object is made of. */
interface StoredRecord {
  readonly id: number
  readonly type: string
  readonly summary: string
  readonly confidence: number
  readonly rating: number
  readonly threatAssessScore: number
  readonly active: boolean
  readonly description: string
  readonly ownerName: string
  readonly source: string
  readonly webLink: string
  readonly dateAdded: string
  readonly lastModified: string
  readonly tags: { readonly data: readonly Named[] }
  readonly securityLabels: { readonly data: readonly Named[] }
}

interface Envelope {
  readonly next?: string
  readonly data: readonly StoredRecord[]
}

function flat(record: StoredRecord): object {
  return {
    id: String(record.id),
    type: record.type,
    value: record.summary,
    score: Math.ceil(record.threatAssessScore / (1000 / 3)),
    confidence: record.confidence,
    rating: record.rating,
    threatAssessScore: record.threatAssessScore,
    active: record.active,
    description: record.description,
    tlp: record.securityLabels.data[0]?.name,
    tags: record.tags.data.map(({ name }) => name),
    owner: record.ownerName,
    reportedBy: record.source,
    link: record.webLink,
    firstSeen: record.dateAdded,
    lastModified: record.lastModified,
  }
}

async function answer(limit: number, response: ServerResponse): Promise<void> {
  const data: object[] = []
  let url: string | undefined = `${origin}/api/v3/indicators?resultStart=0&resultLimit=${pageSize}`
  while (url !== undefined && data.length < limit) {
    const { body } = await request(url)
    const page = JSON.parse(await body.text()) as Envelope
    for (const record of page.data) data.push(shape === 'flat' ? flat(record) : record)
    url = page.next
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ data, count: data.length }))
}

listen(
  createServer((incoming, response) => {
    const { searchParams } = new URL(incoming.url ?? '', 'http://127.0.0.1')
    void answer(Number(searchParams.get('limit')), response)
  }),
)
