import t from 'tap'
import { UpstreamError, type UpstreamErrorKind } from '../../src/errors.ts'
import { type AccessToken, accessTokens } from '../../src/upstream/access-token.ts'

const never = new AbortController().signal
const refusal = (status = 401, kind: UpstreamErrorKind = 'credentials') =>
  new UpstreamError(kind, 'refused', { service: 'acme', status })

/** A login whose answers the test gives, in any order; tokens are `token-1`, `token-2`, … for an hour. */
function login() {
  const asked: PromiseWithResolvers<AccessToken>[] = []
  let now = 0
  const tokens = accessTokens({
    now: () => now,
    request: () => {
      const answer = Promise.withResolvers<AccessToken>()
      asked.push(answer)
      return answer.promise
    },
  })
  return {
    tokens,
    asked,
    answer(index: number) {
      asked[index]?.resolve({ value: `token-${index + 1}`, expiresAt: now + 3_600_000 })
    },
    pass(ms: number) {
      now += ms
    },
  }
}

/** Lets everything run that needs no more than its turn. */
const turns = () => new Promise((resolve) => setImmediate(resolve))

t.test('all who need a token at once share one login, and later ones its token', async (t) => {
  const { tokens, asked, answer } = login()
  const all = Promise.all([1, 2, 3].map(() => tokens.authorized(async (token) => token, never)))
  await turns()
  t.equal(asked.length, 1)
  answer(0)
  t.same(await all, ['token-1', 'token-1', 'token-1'])
  t.equal(await tokens.authorized(async (token) => token, never), 'token-1')
  t.equal(asked.length, 1)
})

t.test('a token is not used any more from its end on', async (t) => {
  const { tokens, asked, answer, pass } = login()
  const first = tokens.authorized(async (token) => token, never)
  answer(0)
  t.equal(await first, 'token-1')
  pass(3_599_999)
  t.equal(await tokens.authorized(async (token) => token, never), 'token-1')
  pass(1)
  const second = tokens.authorized(async (token) => token, never)
  answer(1)
  t.equal(await second, 'token-2')
  t.equal(asked.length, 2)
})

t.test('a refused token is replaced once for all who had it', async (t) => {
  const { tokens, asked, answer } = login()
  const used: string[] = []
  const send = async (token: string) => {
    used.push(token)
    await turns()
    if (token === 'token-1') throw refusal()
    return token
  }
  const all = Promise.all([1, 2, 3].map(() => tokens.authorized(send, never)))
  answer(0)
  await turns()
  await turns()
  await turns()
  answer(1)
  t.same(await all, ['token-2', 'token-2', 'token-2'])
  t.same(used.sort(), ['token-1', 'token-1', 'token-1', 'token-2', 'token-2', 'token-2'])
  t.equal(asked.length, 2)
})

t.test('one who learns late of the refusal takes the new token that another one got', async (t) => {
  const { tokens, asked, answer } = login()
  const late = Promise.withResolvers<void>()
  const slow = tokens.authorized(async (token) => {
    if (token !== 'token-1') return token
    await late.promise
    throw refusal()
  }, never)
  answer(0)
  await turns()
  const quick = tokens.authorized(async (token) => {
    if (token === 'token-1') throw refusal()
    return token
  }, never)
  await turns()
  answer(1)
  t.equal(await quick, 'token-2')
  late.resolve()
  t.equal(await slow, 'token-2')
  t.equal(asked.length, 2)
})

t.test('a second refusal is thrown, and so is what no new token can mend', async (t) => {
  const cases: [string, UpstreamError, number][] = [
    ['refused again', refusal(), 2],
    ['no right', refusal(403, 'permission'), 1],
    ['refused in the body of a 200', refusal(200), 1],
    ['down', refusal(503, 'unavailable'), 1],
  ]
  for (const [what, error, tries] of cases) {
    let tried = 0
    let logins = 0
    const tokens = accessTokens({
      now: () => 0,
      request: async () => ({ value: `token-${++logins}`, expiresAt: 1 }),
    })
    const send = async () => {
      tried++
      throw error
    }
    t.equal(await tokens.authorized(send, never).catch((thrown: unknown) => thrown), error, what)
    t.same([tried, logins], [tries, tries], what)
  }
})

t.test('a login that fails fails all who wait for it, and the next one tries again', async (t) => {
  const { tokens, asked, answer } = login()
  const both = [1, 2].map(() => tokens.authorized(async (token) => token, never).catch((error) => error))
  const down = refusal(503, 'unavailable')
  asked[0]?.reject(down)
  t.same(await Promise.all(both), [down, down])
  const next = tokens.authorized(async (token) => token, never)
  answer(1)
  t.equal(await next, 'token-2')
})

t.test('one who gives up ends the wait for itself alone', async (t) => {
  const { tokens, asked, answer } = login()
  const reason = new Error('not wanted any more')
  const controller = new AbortController()
  const given = tokens.authorized(async () => t.fail('sent'), controller.signal).catch((error) => error)
  const stays = tokens.authorized(async (token) => token, never)
  controller.abort(reason)
  t.equal(await given, reason)
  answer(0)
  t.equal(await stays, 'token-1')
  t.equal(asked.length, 1)
  t.equal(await tokens.authorized(async () => '', controller.signal).catch((error) => error), reason)
})

t.test('one who gives up after the refusal is not sent again', async (t) => {
  const { tokens, asked, answer } = login()
  const reason = new Error('not wanted any more')
  const controller = new AbortController()
  let sent = 0
  const given = tokens.authorized(async () => {
    sent++
    controller.abort(reason)
    throw refusal()
  }, controller.signal)
  answer(0)
  t.equal(await given.catch((error: unknown) => error), reason)
  t.same([sent, asked.length], [1, 1])
})
