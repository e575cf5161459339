/** From what a feed holds to what TAXII has published of it. */
import { ServiceError } from '../../errors.ts'
import type { Indicator } from '../../model/indicator.ts'
import type { PublicationRenderer, PublishedObject, Publishing } from '../publication-store.ts'
import type { Database, Transaction } from './database.ts'
import { versionsOf } from './feeds-held.ts'
import {
  addObject,
  addRevoked,
  type Batch,
  batchAfter,
  hashOf,
  newerOf,
  type Published,
  uuidOf,
  writeBatch,
} from './publication-batch.ts'

/** Members that one transaction publishes: other readers wait for it. */
const step = 1000
const lastKey = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

interface State {
  readonly feed: number
  /** Members up to there are right; those beyond are not looked at. */
  readonly feed_seq: number
  /** Its list is held: what left since is still in it. */
  readonly is_held: boolean
  /** The highest position that a member has. */
  readonly changed_seq: number
  /** Members up to there are published … */
  readonly seq: number
  /** … and those up to there. */
  readonly walk_seq: number
  readonly walk_key: string
  readonly last_added: number
}

interface Work {
  readonly transaction: Transaction
  readonly render: PublicationRenderer
  readonly state: State
  readonly now: Date
  readonly batch: Batch
}

/**
 * One transaction under the lock of the collection's row: publications commit in the order of their moments, and no
 * reader who goes on after the last one that he saw can miss one.
 */
export async function publish(
  database: Database,
  render: PublicationRenderer,
  feed: string,
  now: Date,
): Promise<Publishing> {
  const [look] = await database.query<State>(`${stateSql('left join')}`, [feed])
  if (look === undefined || look.seq >= look.changed_seq) return nothingLeft(look)
  const publishing = await database.transaction(async (transaction) => {
    await transaction.execute(
      'insert into collection (feed) select id from feed where name = $1 on conflict do nothing',
      [feed],
    )
    const [state] = await transaction.query<State>(`${stateSql('join')} for update of c`, [feed])
    if (state === undefined || state.seq >= state.changed_seq) return nothingLeft(state)
    const batch = batchAfter(state.last_added, now)
    const done = await takeStep({ transaction, render, state, now, batch })
    return { done, published: batch.publications.length, lastAdded: lastAddedOf(state, batch) }
  })
  // A collection that was filled just now looks small to the planner, which would sort all of it for each page.
  if (publishing.done && look.seq === 0 && look.walk_seq > 0) {
    await database.execute('analyze (skip_locked) publication, stix_object')
  }
  return publishing
}

function nothingLeft(state: State | undefined): Publishing {
  return { done: true, published: 0, lastAdded: state?.last_added ?? 0 }
}

function stateSql(join: 'join' | 'left join'): string {
  return `select f.id as feed, f.seq as feed_seq, f.held is not null as is_held, f.changed_seq, coalesce(c.seq, 0) as seq, coalesce(c.walk_seq, 0) as walk_seq, c.walk_key,
      coalesce(c.last_added, 0) as last_added
    from feed f ${join} collection c on c.feed = f.id where f.name = $1`
}

interface Member {
  readonly key: string
  readonly seq: number
  readonly present: boolean
  /** Null: it is in no feed any more, and what it was can't be told. */
  readonly body: string | null
  /** Of the body; null: the indicator has left. */
  readonly body_seq: number | null
  readonly added_at: string | null
  readonly changed_at: string | null
}

/** @returns whether it was the last one */
async function takeStep(work: Work): Promise<boolean> {
  const { transaction, state, batch } = work
  const { feed, walk_seq, walk_key, feed_seq } = state
  const read = await transaction.query<Member>(membersAfter, [feed, walk_seq, walk_key, feed_seq, step])
  const members = await asListed(transaction, state, read)
  if (members.length > 0) await takeMembers(work, members)
  await writeBatch(transaction, feed, batch)
  const last = members.at(-1)
  const end = members.length < step || last === undefined
  await transaction.execute(
    'update collection set seq = $2, walk_seq = $3, walk_key = $4, last_added = $5 where feed = $1',
    end
      ? [feed, feed_seq, feed_seq, lastKey, lastAddedOf(state, batch)]
      : [feed, state.seq, last.seq, last.key, lastAddedOf(state, batch)],
  )
  return end
}

/**
 * What changed since the list was right is published as the list has it: one that is held may have lost it since, and
 * what is there now may be more than the feed lets out.
 * @throws ServiceError FEED_NOT_READY: of a list that is held an entry can't be told
 */
async function asListed(
  transaction: Transaction,
  { feed: id, feed_seq: seq, is_held }: State,
  members: readonly Member[],
): Promise<readonly Member[]> {
  const isNewer = ({ present, body_seq }: Member) => present && (body_seq === null || body_seq > seq)
  const newer = members.filter(isNewer).map(({ key }) => key)
  if (newer.length === 0) return members
  const listed = new Map(
    (await versionsOf(transaction, { id, seq }, newer)).map((version) => [version.key, version]),
  )
  return members.map((member) => {
    if (!isNewer(member)) return member
    const version = listed.get(member.key)
    if (version !== undefined && version.body !== null) return { ...member, ...version }
    if (is_held) {
      // Without it the collection would look whole to those who read it.
      const detail = 'the list is held, and one of its entries can not be told any more'
      throw new ServiceError('FEED_NOT_READY', detail, { headers: { 'retry-after': '15' } })
    }
    // The next list has it at a position of its own.
    return { ...member, body: null }
  })
}

/** Of what is published: readers who have that need not look again. */
function lastAddedOf(state: State, { publications, lastAdded }: Batch): number {
  return publications.length > 0 ? lastAdded : state.last_added
}

async function takeMembers(work: Work, members: readonly Member[]): Promise<void> {
  const { transaction, state } = work
  const keys = members.map(({ key }) => key)
  const published = await transaction.query<Published>(publishedOf, [state.feed, keys])
  const origins = await transaction.query<StoredOrigin>(originsOf, [keys])
  const publishedByKey = Map.groupBy(published, ({ key }) => key)
  const originByKey = new Map(origins.map((origin) => [origin.key, origin]))
  const news = new Map<string, News>()
  for (const member of members) {
    const rendered = newsOf(work.render, member, originByKey.get(member.key))
    if (rendered !== undefined) news.set(member.key, rendered)
  }
  await addReferred(work, [...news.values()])
  for (const member of members) {
    const own = news.get(member.key)
    if (own === undefined && member.present) continue
    addMember(work, member, own, publishedByKey.get(member.key) ?? [])
  }
}

interface StoredOrigin {
  readonly key: string
  readonly created: string
  readonly created_by: string | null
}

type News = ReturnType<PublicationRenderer> & { readonly created: string }

/** An object's origin is that of its first version, as long as any of its versions is kept. */
function newsOf(
  render: PublicationRenderer,
  { present, body, added_at }: Member,
  origin: StoredOrigin | undefined,
): News | undefined {
  if (!present || body === null || added_at === null) return undefined
  const created = origin?.created ?? added_at
  const createdBy = origin?.created_by ?? undefined
  const indicator = JSON.parse(body) as Indicator
  const rendered = render(indicator, {
    created,
    ...(createdBy !== undefined && { createdBy: `identity--${createdBy}` }),
  })
  return { ...rendered, created }
}

function addMember(
  { batch, now }: Work,
  member: Member,
  news: News | undefined,
  published: readonly Published[],
) {
  const before = new Map(published.map((publication) => [publication.object, publication]))
  const origin = {
    key: member.key,
    created: news?.created ?? '',
    createdBy: news?.createdBy === undefined ? null : uuidOf(news.createdBy),
  }
  const objects = news?.objects ?? []
  for (const object of objects) {
    const last = before.get(uuidOf(object.id))
    if (last?.revoked === false && last.hash === hashOf(object)) continue
    const changedAt = new Date(member.changed_at ?? now).toISOString()
    addObject(batch, object, newerOf(changedAt, last?.version), origin)
  }
  const there = new Set(objects.map(({ id }) => uuidOf(id)))
  for (const publication of published) {
    if (!publication.revoked && !there.has(publication.object)) addRevoked(batch, publication, now)
  }
}

/** Identities and markings come before what refers to them, once in each collection. */
async function addReferred({ transaction, state, batch }: Work, news: readonly News[]): Promise<void> {
  const referred = new Map<string, PublishedObject>()
  const wanted = new Set<string>()
  for (const { referred: objects, createdBy } of news) {
    for (const object of objects) referred.set(uuidOf(object.id), object)
    if (createdBy !== undefined) wanted.add(uuidOf(createdBy))
  }
  for (const id of referred.keys()) wanted.add(id)
  if (wanted.size === 0) return
  const there = await transaction.query<{ object: string }>(
    'select object from publication where feed = $1 and object = any($2::uuid[])',
    [state.feed, [...wanted]],
  )
  for (const { object } of there) wanted.delete(object)
  // An owner that reported an indicator first and does so no longer is in no indicator: its identity is stored.
  const unknown = [...wanted].filter((id) => !referred.has(id))
  if (unknown.length > 0) {
    for (const object of await transaction.query<PublishedObject>(storedIdentities, [unknown])) {
      referred.set(uuidOf(object.id), object)
    }
  }
  for (const id of wanted) {
    const object = referred.get(id)
    if (object !== undefined) addObject(batch, object, createdOf(object), null)
  }
}

/** Markings and identities have one version, that of their creation. */
function createdOf({ head }: PublishedObject): string {
  const created = /"created":"([^"]*)"/.exec(head)?.[1]
  if (created === undefined) throw new Error(`an object has no time of creation: ${head}`)
  return created
}

const membersAfter = `
select m.key, m.seq, m.present, i.body, i.seq as body_seq, i.added_at, i.changed_at
from (
  select key, seq, present from feed_member
  where feed = $1 and (seq, key) > ($2, $3::uuid) and seq <= $4 order by seq, key limit $5
) m left join indicator i on m.present and i.key = m.key order by m.seq, m.key`

const publishedOf = `
select object, hash, key, type, version, revoked from publication where feed = $1 and key = any($2::uuid[])`

const originsOf = `
select distinct on (key) key, created, created_by from stix_object where key = any($1::uuid[]) order by key, created`

const storedIdentities = `
select distinct on (id) type || '--' || id as id, type, head, tail from stix_object
where id = any($1::uuid[]) and type = 'identity' order by id, stored_at desc`
