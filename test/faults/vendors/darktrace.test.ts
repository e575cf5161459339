/** Darktrace under each fault of the table. */
import t from 'tap'
import { startDarktraceSimulator } from '../../../src/exporters/darktrace/simulator/index.ts'
import { vault } from '../../canary.ts'
import { allMs } from './cells.ts'
import { ofDarktrace } from './expected.ts'
import { provePushes } from './push.ts'

const canaries = vault()
const tokens = { publicToken: 'public-token', privateToken: canaries.make('private token') }
const source = 'indicator-feed-server'

t.setTimeout(allMs)

await t.test('Darktrace', { timeout: allMs }, (t) =>
  provePushes(t, {
    kind: 'darktrace',
    named: /darktrace/i,
    wording: {
      refusal: (_, response) => ({ type: 'application/json', body: JSON.stringify({ response }) }),
      errorsIn200: '{"response":"something went wrong"}',
    },
    table: ofDarktrace,
    secrets: canaries.secrets,
    async start({ now }) {
      const simulator = await startDarktraceSimulator({ tokens, now })
      return {
        simulator,
        held: () => simulator.entries(source).map(({ name }) => name),
        added: () => simulator.changes.map(({ value }) => value),
      }
    },
    settings: (host) => ({ host, ...tokens, source }),
    isLogin: () => false,
    isWrite: ({ method }) => method === 'POST',
    inOneWrite: 2,
    addsTwice: true,
  }),
)
