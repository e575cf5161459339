/** Begins to make a list, says so, and waits to be killed. The connection is the first argument. */
import { feedLists } from '../../src/feeds/feed-lists.ts'
import { openPostgresStore } from '../../src/store/postgres/index.ts'
import { definition, lines, log } from './feed-world.ts'

const connection = JSON.parse(process.argv[2] ?? '')
const store = await openPostgresStore({ connection, log })
const made = feedLists({
  feeds: [definition()],
  sources: ['tc'],
  store,
  log,
  version: '0.0.0',
  now: Date.now,
})
await made.get(
  'block',
  lines({
    async *encode(pages) {
      for await (const _page of pages) {
        yield 'half of a list'
        process.stdout.write('started\n')
        await new Promise(() => {})
      }
      return 1
    },
  }),
)
