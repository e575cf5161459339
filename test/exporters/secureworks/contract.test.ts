import { secureworks } from '../../../src/exporters/secureworks/index.ts'
import {
  demoTaegisAccount,
  isTaegisLogin,
  isTaegisWrite,
  startTaegisSimulator,
} from '../../../src/exporters/secureworks/simulator/index.ts'
import { exporterContract } from '../contract.ts'
import { file, indicator, md5, settingsFor, sha1, sha256 } from './world.ts'

exporterContract({
  definition: secureworks,
  async start(t) {
    const simulator = await startTaegisSimulator()
    t.teardown(() => simulator.close())
    simulator.add({ object_type: 'domain', value: 'theirs.example', source_name: 'somebody else' })
    const settings = settingsFor(simulator.url)
    const badSettings = { ...settings, clientSecret: 'a wrong secret' }
    const basic = [settings, badSettings].map(({ clientId, clientSecret }) =>
      Buffer.from(`${clientId}:${clientSecret}`).toString('base64'),
    )
    const valuesOf = (ours: boolean) =>
      simulator
        .active()
        .filter(({ source_name }) => (source_name === settings.sourceName) === ours)
        .map(({ value }) => value)
    return {
      settings,
      badSettings,
      simulator,
      values: () => valuesOf(true),
      others: () => valuesOf(false),
      get secrets() {
        return [demoTaegisAccount.clientSecret, badSettings.clientSecret, ...basic, ...simulator.tokens]
      },
      upsertables: [
        indicator('ipv4', '203.0.113.7', { description: 'Seen in a campaign.', tags: ['APT29'] }),
        indicator('ipv6', '2001:db8::7'),
        indicator('domain', 'evil.example'),
        indicator('domain', 'xn--bcher-kva.example'),
        indicator('url', 'http://evil.example/post.php?a=1&b=%20#x'),
        file({ md5, sha1, sha256 }),
        file({ sha1: 'd'.repeat(40) }),
      ],
      isWrite: isTaegisWrite,
      isLogin: isTaegisLogin,
    }
  },
})
