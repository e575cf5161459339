/** Darktrace keeps what every exporter must keep. */
import { darktrace } from '../../../src/exporters/darktrace/index.ts'
import { demoTokens, startDarktraceSimulator } from '../../../src/exporters/darktrace/simulator/index.ts'
import { exporterContract } from '../contract.ts'
import { indicator, isPost, names, noon, settingsOf } from './world.ts'

const upsertables = [
  indicator('ipv4', '203.0.113.7', { description: 'Seen in a campaign.' }),
  indicator('ipv6', '2001:db8::7'),
  indicator('domain', 'evil.example'),
  indicator('domain', 'bücher.example', { description: 'Seen in a campaign.' }),
  indicator('domain', 'c2.evil.example', { description: 'Command – and control' }),
  indicator('cidr', '198.51.100.0/24'),
]

const wrongToken = 'wrongprivatetoken00000000000000000000000'
const theirs = { others: ['theirs.example', 'evil.example', '203.0.113.7'] }

for (const countsOnly of [false, true]) {
  exporterContract({
    definition: darktrace,
    start: async (t) => {
      const simulator = await startDarktraceSimulator({ now: () => noon, countsOnly, entries: theirs })
      t.teardown(() => simulator.close())
      const settings = settingsOf(simulator.url, { expireAfterDays: countsOnly ? 30 : 0 })
      return {
        settings,
        badSettings: { ...settings, privateToken: wrongToken },
        simulator,
        values: () => names(simulator),
        others: () => names(simulator, 'others'),
        secrets: [demoTokens.publicToken, demoTokens.privateToken, wrongToken],
        upsertables,
        isWrite: isPost,
        now: () => noon,
      }
    },
  })
}
