/** The endpoints of the v3 API that are simulated. */
import type { Answer } from '../../../simulation/faults.ts'
import { type Page, singleAnswer } from './answers.ts'
import { readDate } from './dates.ts'
import { FieldError, type FieldSet, parseFields } from './fields.ts'
import { decode, many, one, type PageRequest, RequestError, readPage, type Target } from './parameters.ts'
import { createRenderer } from './projection.ts'
import type { RecordStore } from './record-store.ts'
import { exactId, type Owner } from './records.ts'
import { createSearch, ownerNamed } from './search.ts'
import { createVocabularies } from './tql/vocabulary.ts'

interface RouteRequest {
  readonly target: Target
  /** Owners that the account can see. */
  readonly visible: ReadonlySet<Owner>
  /** The variable part of the path, still encoded. */
  readonly key: string
}

export interface Route {
  readonly path: RegExp
  /** @throws RequestError */
  readonly answer: (request: RouteRequest) => Answer | { readonly asked: PageRequest; readonly page: Page }
}

export interface RouteOptions {
  readonly records: RecordStore
  readonly now: () => number
  readonly caseSensitive: boolean
  readonly unsortable: readonly string[]
  readonly largestPage: number
  readonly tellsDeleted: boolean
}

/** In the order in which they are tried. */
export function createRoutes(options: RouteOptions): readonly Route[] {
  const { records, now, caseSensitive, tellsDeleted } = options
  const pageOf = (parameters: Target['parameters']): PageRequest => {
    const page = readPage(parameters)
    return { ...page, limit: Math.min(page.limit, options.largestPage) }
  }
  const fold = caseSensitive ? (text: string) => text : (text: string) => text.toLowerCase()
  const vocabularies = createVocabularies({ indicator: records.indicator, group: records.group, fold })
  const render = createRenderer({ indicator: records.indicator, group: records.group })
  const unsortable = new Set(options.unsortable)
  const shared = { version: () => records.version, fold, now, unsortable }
  const searchIndicators = createSearch({
    collection: 'indicators',
    vocabulary: vocabularies.indicators,
    rows: records.indicators,
    ...shared,
  })
  const searchGroups = createSearch({
    collection: 'groups',
    vocabulary: vocabularies.groups,
    rows: records.groups,
    ...shared,
  })

  return [
    {
      path: /^\/api\/v3\/indicators\/?$/,
      answer({ target: { parameters }, visible }) {
        const fields = readFields(parameters, 'indicators')
        const asked = pageOf(parameters)
        const { records: found, more, count } = searchIndicators(parameters, asked, visible)
        const data = found.map((record) => render.indicator(record, fields, visible))
        return { asked, page: { data, more, count } }
      },
    },
    {
      path: /^\/api\/v3\/indicators\/deleted\/?$/,
      answer(request) {
        if (!tellsDeleted) throw new RequestError(403, 'You do not have permission to perform this operation')
        return deletedPage(records, request)
      },
    },
    {
      path: /^\/api\/v3\/indicators\/([^/]+)\/?$/,
      answer({ target: { parameters }, visible, key }) {
        const fields = readFields(parameters, 'indicators')
        const name = one(parameters, 'owner')
        const record = findIndicator(
          records,
          decode(key),
          name === undefined ? undefined : ownerNamed(name, visible),
          visible,
        )
        return singleAnswer(render.indicator(record, fields, visible))
      },
    },
    {
      path: /^\/api\/v3\/groups\/?$/,
      answer({ target: { parameters }, visible }) {
        const fields = readFields(parameters, 'groups')
        const asked = pageOf(parameters)
        const { records: found, more, count } = searchGroups(parameters, asked, visible)
        const data = found.map((record) => render.group(record, fields, visible))
        return { asked, page: { data, more, count } }
      },
    },
    {
      path: /^\/api\/v3\/groups\/(\d{1,19})\/?$/,
      answer({ target: { parameters }, visible, key }) {
        const record = records.group(exactId(key))
        if (record === undefined || !visible.has(record.owner)) throw notFound()
        return singleAnswer(render.group(record, readFields(parameters, 'groups'), visible))
      },
    },
    {
      path: /^\/api\/v3\/security\/owners\/?$/,
      answer({ target: { parameters }, visible }) {
        const asked = readPage(parameters)
        const rest = [...visible].slice(asked.start)
        const data = rest.slice(0, asked.limit).map(ownerJson)
        const count = asked.count ? visible.size : undefined
        return { asked, page: { data, more: rest.length > asked.limit, count } }
      },
    },
  ]
}

function readFields(parameters: Target['parameters'], kind: 'indicators' | 'groups'): FieldSet {
  try {
    return parseFields(many(parameters, 'fields'), kind)
  } catch (error) {
    if (error instanceof FieldError) throw new RequestError(400, error.message)
    throw error
  }
}

function notFound(): RequestError {
  return new RequestError(404, 'The requested resource was not found')
}

/** Without an owner a summary is looked for in the account's own Organization (inferred from the examples). */
function findIndicator(
  records: RecordStore,
  key: string,
  owner: Owner | undefined,
  visible: ReadonlySet<Owner>,
) {
  const byId = /^\d{1,19}$/.test(key) ? records.indicator(exactId(key)) : undefined
  if (byId !== undefined && (owner === undefined ? visible.has(byId.owner) : byId.owner === owner))
    return byId
  const within = owner ?? organization(visible)
  const wanted = key.toLowerCase()
  const found = records.indicators.find(
    (record) => record.owner === within && record.summary.toLowerCase() === wanted,
  )
  if (found === undefined) throw notFound()
  return found
}

function organization(visible: ReadonlySet<Owner>): Owner | undefined {
  return [...visible].find((owner) => owner.type === 'Organization')
}

/**
 * Of the account's own Organization unless `owner` names another. That everything comes at once without
 * `resultLimit`, and that the paging parameters work, is inferred; that `dateAdded` is the indicator's own, too.
 */
function deletedPage(records: RecordStore, { target: { parameters }, visible }: RouteRequest) {
  const name = one(parameters, 'owner')
  const owner = name === undefined ? organization(visible) : ownerNamed(name, visible)
  const type = one(parameters, 'type')
  const since = one(parameters, 'deletedSince')
  const sinceDate = since === undefined ? '' : readDate(since)
  if (sinceDate === undefined) throw new RequestError(400, 'deletedSince is not a valid date.')
  const all = records.deleted.filter(
    (record) =>
      record.owner === owner && (type === undefined || record.type === type) && record.deletedAt >= sinceDate,
  )
  const asked = readPage(parameters, Math.max(1, all.length))
  const rest = all.slice(asked.start)
  const data = rest
    .slice(0, asked.limit)
    .map(({ owner: { name: ownerName }, dateAdded, type, summary }) =>
      Buffer.from(JSON.stringify({ ownerName, dateAdded, type, summary })),
    )
  return { asked, page: { data, more: rest.length > asked.limit, count: all.length } }
}

const permissions =
  `permApps permArtifact permAttribute permAttributeType permCaseTag permComment permCopyData
  permGroup permIndicator permInvite permMembers permPlaybooks permPlaybooksExecute permPost permPublish
  permSecurityLabel permSettings permTag permTask permTimeline permTrack permUsers permVictim
  permWorkflowTemplate`.split(/\s+/)

function ownerJson({ id, name, type }: Owner): Buffer {
  const ownerRole = type === 'Organization' ? 'Read Only User' : 'User'
  const rights = Object.fromEntries(permissions.map((permission) => [permission, 'READ']))
  return Buffer.from(JSON.stringify({ id, name, type, ownerRole, ...rights }))
}
