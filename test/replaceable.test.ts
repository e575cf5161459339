/** Connectors whose place is taken by others while they are used. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pino } from 'pino'
import t from 'tap'
import { createSources } from '../src/connectors.ts'
import { UpstreamError } from '../src/errors.ts'
import { changesOf } from '../src/pipeline/renewed.ts'
import { type Replaceable, replaceable } from '../src/replaceable.ts'
import type { Source, SourceFailure, SourcePage } from '../src/sources/source.ts'
import { configOf, sourceEntry } from './app.ts'

class Part {
  readonly #name: string
  readonly names: readonly string[]
  constructor(name: string) {
    this.#name = name
    this.names = [name]
  }
  get title(): string {
    return `the ${this.#name}`
  }
  say(word: string): string {
    return `${word} ${this.#name}`
  }
}

class Whole extends Part {
  readonly room: Part
  readonly live?: Part
  constructor(name: string, live?: Part) {
    super(name)
    this.room = new Part(`${name}'s room`)
    if (live !== undefined) this.live = live
  }
}

t.test("every call after the replacement is the new one's, however it was come by", async (t) => {
  const { connector, current, replace } = replaceable(new Whole('old'))
  const { say, room } = connector
  const { say: sayInRoom } = room
  t.strictSame(
    [say('hello'), connector.title, room.say('a'), connector.names],
    ['hello old', 'the old', "a old's room", ['old']],
  )
  t.strictSame(['say' in connector, 'other' in connector], [true, false])
  t.equal(connector.live, undefined)

  const next = new Whole('new', new Part('live'))
  replace(next)
  t.equal(current(), next)
  t.strictSame(
    [say('hello'), connector.title, room.say('a'), sayInRoom('b'), room.title, connector.names],
    ['hello new', 'the new', "a new's room", "b new's room", "the new's room", ['new']],
    'a method and a part that were taken out before, too',
  )
  t.equal(connector.live?.say('on'), 'on live')

  const { live } = connector
  replace(new Whole('bare'))
  t.throws(() => live?.say('on'), { message: 'there is no live any more' })
})

/** Pages 1 to `last`, each with the name of whoever gave it; the cursor is the last page taken. */
function sourceOf(
  name: string,
  last: number,
  failsAt = Number.NaN,
): Source & { readonly ended: readonly string[] } {
  const ended: string[] = []
  return {
    ended,
    async *changes(cursor) {
      try {
        for (let page = Number(cursor ?? 0) + 1; page <= last; page++) {
          if (page === failsAt) {
            const failure = new UpstreamError('credentials', `${name} fails`, { service: 'test' })
            yield { part: 'groups', failure, requests: 1 } satisfies SourceFailure
            continue
          }
          yield pageOf(name, page)
        }
      } finally {
        ended.push(name)
      }
    },
    check: async () => [{ name, ok: true }],
  }
}

function pageOf(name: string, page: number): SourcePage {
  return {
    ...{
      part: name,
      received: 0,
      observations: [],
      deactivated: [],
      unreadable: [],
      removed: [],
      requests: 1,
    },
    cursor: String(page),
  }
}

/** What a fetch takes, one after the other; `after` says what happens once a page is taken. */
async function taken(held: () => Replaceable<Source>, after: (page: string) => void): Promise<string[]> {
  const got: string[] = []
  for await (const item of held().connector.changes(undefined, new AbortController().signal)) {
    const what = 'failure' in item ? 'failure' : `${item.part} ${item.cursor}`
    got.push(what)
    after(what)
  }
  return got
}

function held(first: Source): Replaceable<Source> {
  const own: Replaceable<Source> = replaceable(first, {
    changes: (cursor, signal) => changesOf(own.current, cursor, signal),
  })
  return own
}

t.test(
  'a walk goes on with the new source after the page that was taken last, and no page comes twice',
  async (t) => {
    const cases: readonly (readonly [
      what: string,
      failsAt: number,
      at: string,
      expected: readonly string[],
    ])[] = [
      ['in the middle', Number.NaN, 'old 2', ['old 1', 'old 2', 'new 3', 'new 4']],
      ['at the first page', Number.NaN, 'old 1', ['old 1', 'new 2', 'new 3', 'new 4']],
      ['at the last page', Number.NaN, 'old 4', ['old 1', 'old 2', 'old 3', 'old 4']],
      ['never', Number.NaN, '', ['old 1', 'old 2', 'old 3', 'old 4']],
      [
        'after a failure, which ends with the walk it began in',
        2,
        'old 3',
        ['old 1', 'failure', 'old 3', 'old 4'],
      ],
    ]
    for (const [what, failsAt, at, expected] of cases) {
      const old = sourceOf('old', 4, failsAt)
      const own = held(old)
      const got = await taken(
        () => own,
        (page) => {
          if (page === at) own.replace(sourceOf('new', 4))
        },
      )
      t.strictSame(got, expected, what)
      t.strictSame(old.ended, ['old'], `${what}: the old one is closed`)
    }
  },
)

t.test('whoever stops reading closes the source that is read', async (t) => {
  const old = sourceOf('old', 9)
  for await (const _ of held(old).connector.changes(undefined, new AbortController().signal)) break
  t.strictSame(old.ended, ['old'])
  t.strictSame(await held(old).connector.check(new AbortController().signal), [{ name: 'old', ok: true }])
})

t.test('what was replaced ends what it has under way, and then its connections', async (t) => {
  // Nobody else closes them: the client's own time for idle ones is longer.
  t.setTimeout(12_000)
  const held: ServerResponse[] = []
  const sockets: Socket[] = []
  const vendor = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    held.push(response)
    vendor.emit('asked')
  })
  vendor.keepAliveTimeout = 0
  vendor.on('connection', (socket) => sockets.push(socket))
  vendor.listen(0, '127.0.0.1')
  await once(vendor, 'listening')
  t.teardown(() => {
    vendor.closeAllConnections()
    vendor.close()
  })
  const { port } = vendor.address() as AddressInfo
  const config = configOf({ sources: [sourceEntry(`http://127.0.0.1:${port}`, { proxy: 'none' })] })
  const log = pino({ level: 'silent' })
  const made = createSources(config, { log, version: '0.0.0', env: {}, now: Date.now })
  t.teardown(() => made.close())
  const [entry] = config.sources
  const source = made.sources.get('tc')
  if (entry === undefined || source?.live === undefined) throw new Error('there is no source')
  const { live } = source
  const ask = async () => {
    const asked = once(vendor, 'asked')
    const owners = live.owners(new AbortController().signal)
    await asked
    return { owners, answer: () => held.pop()?.end('{"status":"Success","data":[]}') }
  }
  const underWay = await ask()
  made.renew(entry)()
  t.notOk(sockets[0]?.destroyed, 'as long as it is under way')
  const closed = once(sockets[0] ?? vendor, 'close')
  underWay.answer()
  t.same(await underWay.owners, [])
  await closed
  const next = await ask()
  next.answer()
  t.same(await next.owners, [])
  const idle = once(sockets[1] ?? vendor, 'close')
  made.renew(entry)()
  await idle
  const last = await ask()
  last.answer()
  t.same(await last.owners, [])
  t.equal(sockets.length, 3)
})
