/** Secureworks Taegis XDR under each fault of the table. */
import t from 'tap'
import {
  isTaegisLogin,
  isTaegisWrite,
  startTaegisSimulator,
} from '../../../src/exporters/secureworks/simulator/index.ts'
import { vault } from '../../canary.ts'
import { allMs } from './cells.ts'
import { ofTaegis } from './expected.ts'
import { provePushes } from './push.ts'

const canaries = vault()
const account = { clientId: 'client', clientSecret: canaries.make('client secret'), tenantId: '145234' }

t.setTimeout(allMs)

await t.test('Secureworks Taegis', { timeout: allMs }, (t) =>
  provePushes(t, {
    kind: 'secureworks',
    named: /secureworks|taegis/i,
    wording: {
      refusal: (status, message) => ({
        type: 'application/json',
        body: JSON.stringify({ errors: [{ message, extensions: { status } }], data: null }),
      }),
      errorsIn200: '{"errors":[{"message":"internal system error: something went wrong"}],"data":null}',
    },
    table: ofTaegis,
    secrets: canaries.secrets,
    async start({ now }) {
      const simulator = await startTaegisSimulator({ accounts: [account], now })
      return { simulator, held: () => simulator.active().map(({ value }) => value) }
    },
    settings: (baseUrl) => ({ baseUrl, ...account }),
    isLogin: isTaegisLogin,
    isWrite: isTaegisWrite,
    inOneWrite: 2,
    addsTwice: true,
  }),
)
