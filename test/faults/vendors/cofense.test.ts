/** Cofense Triage under each fault of the table. */
import t from 'tap'
import { startCofenseSimulator } from '../../../src/exporters/cofense/simulator/index.ts'
import { vault } from '../../canary.ts'
import { allMs } from './cells.ts'
import { ofCofense } from './expected.ts'
import { provePushes } from './push.ts'

const canaries = vault()
const application = {
  clientId: 'client',
  clientSecret: canaries.make('client secret'),
  role: 'write' as const,
}

t.setTimeout(allMs)

await t.test('Cofense Triage', { timeout: allMs }, (t) =>
  provePushes(t, {
    kind: 'cofense',
    named: /cofense/i,
    wording: {
      refusal: (status, detail) => ({
        type: 'application/vnd.api+json',
        body: JSON.stringify({
          errors: [{ title: 'Refused', detail, code: String(status), status: String(status) }],
        }),
      }),
      errorsIn200: '{"errors":[{"title":"Something","detail":"something went wrong","status":"500"}]}',
    },
    table: ofCofense,
    secrets: canaries.secrets,
    async start({ now }) {
      const simulator = await startCofenseSimulator({ applications: [application], now })
      return {
        simulator,
        held: () => simulator.rows().map(({ value }) => value),
        added: () => simulator.writes.map(({ row }) => row.value),
      }
    },
    settings: (baseUrl) => ({
      baseUrl,
      clientId: application.clientId,
      clientSecret: application.clientSecret,
    }),
    isLogin: ({ url }) => url === '/oauth/token',
    isWrite: ({ method, url }) => method !== 'GET' && url !== '/oauth/token',
    inOneWrite: 1,
    addsTwice: false,
  }),
)
