import { secureworksCtp } from '../../../src/tickets/secureworks-ctp/index.ts'
import { demoAccount, startCtpSimulator } from '../../../src/tickets/secureworks-ctp/simulator/index.ts'
import { deskContract } from '../desk-contract.ts'

const { username, password } = demoAccount
const wrongPassword = 'not-the-password-of-this-account'

deskContract({
  definition: secureworksCtp,
  async start(t) {
    const clock = { now: Date.UTC(2026, 0, 2, 3, 4, 5) }
    const now = () => clock.now
    const simulator = await startCtpSimulator({ now })
    t.teardown(() => simulator.close())
    const settings = {
      ...{ baseUrl: simulator.baseUrl, username, password },
      ...{ ticketTypes: ['INCIDENT:SECURITY'], limit: 3, every: null },
    }
    const worklogs = (id: string) => simulator.ticket(id).worklogs as readonly { description: string }[]
    return {
      settings,
      badSettings: { ...settings, password: wrongPassword },
      simulator,
      secrets: [password, wrongPassword],
      now,
      advance(ms) {
        clock.now += ms
      },
      add({ notes = [], files = [], master = false, unclosable = false } = {}) {
        const { ticketId } = simulator.addTicket({
          attachments: files,
          isGlobalParent: master,
          worklogs: notes
            .map((description, index) => ({
              description,
              dateCreated: clock.now - 60_000 + index * 1000,
              type: 'SOC Note',
            }))
            .reverse(),
          ...(unclosable && { availableActions: { close: { available: 'false' } } }),
        })
        return ticketId
      },
      comment: (id, description) => void simulator.addWorklog(id, { description, type: 'SOC Note' }),
      close: (id, reason) => void simulator.setStatus(id, 'Closed', reason),
      reopen: (id) => void simulator.reopen(id),
      there(id) {
        const { status, reason, responsibleParty, externalTicketNum } = simulator.ticket(id)
        return {
          notes: worklogs(id)
            .map(({ description }) => description)
            .reverse(),
          assigned: responsibleParty === 'SOC',
          ...(status === 'Closed' && { closedBecause: String(reason) }),
          ...(typeof externalTicketNum === 'string' && { incident: externalTicketNum }),
        }
      },
      unacknowledged: () => simulator.unacknowledged(),
      isWrite: ({ url }) => !url.includes('/tickets/count?'),
    }
  },
})
