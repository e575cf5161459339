import t from 'tap'
import { UpstreamError } from '../../src/errors.ts'
import { diagnosed, proveInTurn, type Reached, type Step } from '../../src/upstream/diagnosis.ts'

const error = new UpstreamError('rejected', 'it said no', { service: 'product' })
const order = ['connection', 'api', 'credentials', 'reading']

t.test(
  'a failure shows what is good before it, leaves out what it hides, and takes nothing back',
  async (t) => {
    const seen = new Map([
      ['credentials', 'a token'],
      ['api', 'version 1'],
    ])
    const cases: readonly (readonly [
      what: string,
      usual: string,
      reached: Omit<Reached, 'order'>,
      found: string,
    ])[] = [
      ['the first one', 'connection', {}, '-connection'],
      ['one behind others', 'credentials', {}, 'connection api -credentials'],
      ['one that is in no order', 'limits', {}, '-limits'],
      ['one that is in no order, with something proved', 'limits', { proved: ['api'] }, 'api -limits'],
      [
        'one that was proved before: what the request was for fails',
        'connection',
        { proved: ['connection', 'credentials'], step: 'api' },
        'connection credentials -api',
      ],
      [
        'what was proved out of order',
        'api',
        { proved: ['connection', 'credentials'], seen, step: 'api' },
        'connection credentials(a token) -api',
      ],
      ['evidence of what is not proved', 'reading', { seen }, 'connection api credentials -reading'],
    ]
    for (const [what, name, reached, expected] of cases) {
      const findings = diagnosed(error, { name, remedy: 'mend it' }, { order, ...reached })
      const words = findings.map(
        (each) => `${each.ok ? '' : '-'}${each.name}${each.evidence ? `(${each.evidence})` : ''}`,
      )
      t.equal(words.join(' '), expected, what)
      t.match(findings.at(-1), { ok: false, cause: 'it said no', remedy: 'mend it' }, what)
    }
  },
)

t.test('steps are taken until one fails, and a fault of ours is no finding', async (t) => {
  const taken: string[] = []
  const step = (name: string, failure?: Error): Step => ({
    proves: [`before ${name}`, name],
    async prove() {
      taken.push(name)
      if (failure !== undefined) throw failure
    },
  })
  t.same(await proveInTurn([step('a'), step('b')]), { proved: ['before a', 'a', 'before b', 'b'] })
  t.same(await proveInTurn([step('c'), step('d', error), step('e')]), {
    proved: ['before c', 'c'],
    failure: { error, step: 'd' },
  })
  t.same(taken, ['a', 'b', 'c', 'd'])
  const bug = new TypeError('a bug')
  await t.rejects(proveInTurn([step('f', bug)]), bug)
})
