/** IBM SOAR keeps what every incident sink must keep. */
import { ibmSoar } from '../../../src/tickets/ibm-soar/index.ts'
import {
  demoSoarKey,
  type SoarSimulatorOptions,
  startSoarSimulator,
} from '../../../src/tickets/ibm-soar/simulator/index.ts'
import { sinkContract } from '../sink-contract.ts'
import { isWrite, noon, settingsOf } from './world.ts'

const wrongSecret = 'wrong-soar-secret-0000000000000000'
const encoded = (secret: string) => Buffer.from(`${demoSoarKey.id}:${secret}`).toString('base64')

/** As servers differ: what they make of HTML, what stands in an incident beside ours, how an upload is answered. */
const servers: readonly SoarSimulatorOptions[] = [
  {},
  { html: 'rte', insertOddComments: true, attachmentReply: 'list' },
]

for (const options of servers) {
  sinkContract({
    definition: ibmSoar,
    start: async (t) => {
      const clock = { now: noon }
      const soar = await startSoarSimulator({ now: () => clock.now, ...options })
      t.teardown(() => soar.close())
      const settings = settingsOf(soar.url, {
        closeCodes: { Inconclusive: 'Work Completed', default: 'Inconclusive' },
      })
      const odd = options.insertOddComments === true ? ['Who looks at this one?', 'I do.'] : []
      return {
        settings,
        badSettings: { ...settings, apiKeySecret: wrongSecret },
        badTemplate: { name: 'x', discovered_date: 1, properties: { no_such_field: 'x' } },
        simulator: soar,
        failAfter: soar.failAfter,
        secrets: [demoSoarKey.secret, wrongSecret, encoded(demoSoarKey.secret), encoded(wrongSecret)],
        isWrite,
        commentPrefix: '#ctp',
        clock,
        incidents: () =>
          soar.incidents().map((incident) => ({
            id: String(incident.id),
            status: incident.plan_status === 'C' ? 'closed' : 'open',
            all: JSON.stringify(incident),
          })),
        notes: (id) =>
          soar
            .comments(Number(id))
            .flatMap(({ text }) => (text === null || odd.includes(text) ? [] : [text])),
        files: (id) => soar.attachments(Number(id)),
        close(id, { code, summary }) {
          soar.edit(Number(id), {
            plan_status: 'C',
            resolution_id: 'Resolved',
            resolution_summary: { format: 'text', content: summary },
            scwx_ctp_close_code: code,
          })
        },
        reopen: (id) => void soar.reopenByAnalyst(Number(id)),
        remove: (id) => soar.deleteIncident(Number(id)),
        comment: (id, text) => void soar.addComment(Number(id), text),
        code: 'Inconclusive',
      }
    },
  })
}
