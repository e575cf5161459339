/** Those who read while the database fails: each answer is whole, or is none. */
import type { Client } from './client.ts'
import type { Part } from './server-run.ts'

export interface Reader {
  /** One look at everything there is to read. */
  look(): Promise<void>
  readonly faults: string[]
  /** What who follows the change log has: id -> the indicator as JSON. */
  readonly followed: ReadonlyMap<string, string>
  readonly lines: () => number
  /** What who follows TAXII has: of each object its last version; of those that are not revoked. */
  readonly objects: ReadonlyMap<string, StixObject>
}

interface StixObject {
  readonly id: string
  readonly type: string
  readonly name?: string
  readonly pattern?: string
  readonly modified?: string
  readonly revoked?: boolean
}

interface Change {
  readonly op: 'add' | 'update' | 'remove'
  readonly cursor: string
  readonly indicator: { readonly id: string }
}

interface Envelope {
  readonly more?: boolean
  readonly next?: string
  readonly objects?: readonly StixObject[]
}

const taxii = 'application/taxii+json;version=2.1'

export function startReading(client: Client): Reader {
  const faults: string[] = []
  const followed = new Map<string, string>()
  const objects = new Map<string, StixObject>()
  let cursor: string | undefined
  let lines = 0
  let root: string | undefined
  let addedAfter: string | undefined

  const follow = async () => {
    const since = cursor === undefined ? '' : `?since=${encodeURIComponent(cursor)}`
    const { text } = await client.ask('GET', `/api/v1/changes${since}`)
    if (text !== '' && !text.endsWith('\n')) faults.push('the change log ends within a line')
    for (const line of text.split('\n').filter(Boolean)) {
      const { op, cursor: at, indicator } = JSON.parse(line) as Change
      const known = followed.has(indicator.id)
      if (known !== (op !== 'add'))
        faults.push(`${op} of ${indicator.id}, which is ${known ? '' : 'not '}there`)
      if (op === 'remove') followed.delete(indicator.id)
      else followed.set(indicator.id, JSON.stringify(indicator))
      cursor = at
      lines++
    }
  }
  const feed = async () => {
    for (const format of ['ndjson', 'txt', 'csv']) {
      const { headers, text } = await client.ask('GET', `/feeds/all.${format}`)
      const found = text.split('\n').filter(Boolean).length - Number(format === 'csv')
      if (String(found) !== headers['x-feed-entries']) {
        faults.push(
          `a feed says that it has ${headers['x-feed-entries']} entries, and has ${found} (${format})`,
        )
      }
    }
    const { data } = await client.json<{ readonly data: readonly { readonly value: string }[] }>(
      'GET',
      '/feeds/all.json',
    )
    if (new Set(data.map(({ value }) => value)).size !== data.length) faults.push('a feed has a value twice')
  }
  const collection = async () => {
    if (root === undefined) {
      const path = '/taxii2/feeds/collections/'
      const { collections } = await client.json<{ readonly collections: readonly { readonly id: string }[] }>(
        'GET',
        path,
        { accept: taxii },
      )
      root = `${path}${collections[0]?.id}/objects/`
    }
    let next: string | undefined
    for (;;) {
      const query = new URLSearchParams({
        limit: '50',
        ...(addedAfter !== undefined && { added_after: addedAfter }),
        ...(next !== undefined && { next }),
      })
      const { headers, text } = await client.ask('GET', `${root}?${query}`, { accept: taxii })
      const envelope = JSON.parse(text) as Envelope
      const last = headers['x-taxii-date-added-last']
      if ((envelope.objects?.length ?? 0) > 0 && last === undefined)
        faults.push('TAXII tells no time of its objects')
      for (const object of envelope.objects ?? []) {
        const before = objects.get(object.id)
        if ((before?.modified ?? '') > (object.modified ?? '')) faults.push(`${object.id} goes back in time`)
        objects.set(object.id, object)
      }
      if (envelope.more !== true) {
        if (typeof last === 'string') addedAfter = last
        return
      }
      next = envelope.next
    }
  }
  const pages = async () => {
    const ids: string[] = []
    for (let at = ''; ; ) {
      const { data, next } = await client.json<{
        readonly data: readonly { readonly id: string }[]
        readonly next: string | null
      }>('GET', `/api/v1/indicators?limit=70&raw=false${at}`)
      ids.push(...data.map(({ id }) => id))
      if (next === null) break
      at = `&cursor=${encodeURIComponent(next)}`
    }
    if (new Set(ids).size !== ids.length) faults.push('pages have an indicator twice')
  }
  return {
    async look() {
      await Promise.all([follow(), feed(), collection(), pages()])
    },
    faults,
    followed,
    objects,
    lines: () => lines,
  }
}

/** Who followed has what there is. */
export async function judgeReading(client: Client, reader: Reader): Promise<Part> {
  await reader.look()
  const { data } = await client.json<{ readonly data: readonly { readonly id: string }[] }>(
    'GET',
    '/api/v1/indicators?limit=10000&raw=false',
  )
  const there = new Map(data.map((indicator) => [indicator.id, JSON.stringify(indicator)]))
  const listed = await client.json<{ readonly data: readonly { readonly value: string }[] }>(
    'GET',
    '/feeds/all.json',
  )
  const values = new Set(listed.data.map(({ value }) => value))
  const published = [...reader.objects.values()].filter(
    ({ type, revoked }) => type === 'indicator' && !revoked,
  )
  const names = new Set(published.map(({ name }) => name ?? ''))
  const faults = [
    ...reader.faults,
    ...differences(reader.followed, there, 'the change log'),
    ...[...values].filter((value) => !names.has(value)).map((value) => `TAXII lacks ${value}`),
    ...[...names].filter((name) => !values.has(name)).map((name) => `TAXII still has ${name}`),
  ]
  return {
    faults,
    figures: { changes: reader.lines(), entries: listed.data.length, objects: reader.objects.size },
  }
}

function differences(
  found: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
  where: string,
): string[] {
  return [
    ...[...wanted]
      .filter(([id, json]) => found.get(id) !== json)
      .map(([id, json]) => `by ${where} ${id} is ${found.get(id)}, not ${json}`),
    ...[...found.keys()].filter((id) => !wanted.has(id)).map((id) => `by ${where} ${id} is still there`),
  ]
}
