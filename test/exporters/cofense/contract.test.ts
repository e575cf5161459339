import { cofense } from '../../../src/exporters/cofense/index.ts'
import { demoApplication, startCofenseSimulator } from '../../../src/exporters/cofense/simulator/index.ts'
import { exporterContract } from '../contract.ts'
import { indicator, isLogin, isWrite, ourSource } from './world.ts'

const { clientId, clientSecret } = demoApplication
const wrongSecret = 'not-the-secret-of-this-client'
const md5 = 'a'.repeat(32)
const sha256 = 'b'.repeat(64)

exporterContract({
  definition: cofense,
  async start(t) {
    const foreign = { type: 'Hostname', value: 'evil.example', source: 'Triage-UI', level: 'Malicious' }
    const simulator = await startCofenseSimulator({ threats: [foreign] })
    t.teardown(() => simulator.close())
    const settings = { baseUrl: simulator.url, clientId, clientSecret, source: ourSource }
    const basic = (secret: string) => Buffer.from(`${clientId}:${secret}`).toString('base64')
    return {
      settings,
      badSettings: { ...settings, clientSecret: wrongSecret },
      simulator,
      values: () =>
        simulator
          .rows()
          .filter(({ source, level }) => source === ourSource && level !== 'Benign')
          .map(({ value }) => value),
      others: () =>
        simulator
          .rows()
          .filter(({ source }) => source !== ourSource)
          .map((row) => JSON.stringify(row)),
      get secrets() {
        return [clientSecret, wrongSecret, basic(clientSecret), basic(wrongSecret), ...simulator.tokens]
      },
      upsertables: [
        indicator('domain', 'evil.example'),
        indicator('url', 'http://one.example/a?b=1,2'),
        indicator('url', 'https://two.example/login'),
        indicator('file', sha256, { hashes: { md5, sha256, sha1: 'c'.repeat(40) } }),
        indicator('file', 'd'.repeat(32), { hashes: { md5: 'd'.repeat(32) } }),
        indicator('domain', 'bad.example', { score: 2 }),
      ],
      isWrite,
      isLogin,
    }
  },
})
