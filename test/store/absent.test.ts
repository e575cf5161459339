/** A server without a store, as it is made to describe its routes. */
import t from 'tap'
import { appWith } from '../app.ts'

t.test('a server without a store answers whatever needs one that there is none', async (t) => {
  const app = await appWith({ feeds: [{ name: 'block' }] })
  t.teardown(() => app.close())
  for (const [method, url] of [
    ['GET', '/api/v1/indicators'],
    ['GET', '/api/v1/changes'],
    ['GET', '/api/v1/sources'],
    ['GET', '/api/v1/feeds'],
    ['GET', '/api/v1/exports'],
    ['GET', '/api/v1/exporters'],
    ['GET', '/api/v1/bridges'],
    ['GET', '/api/v1/tickets'],
    ['GET', '/feeds/block.txt'],
  ] as const) {
    const answer = await app.inject({ method, url })
    const { code, detail } = answer.json()
    t.match([answer.statusCode, code, detail], [503, 'STORE_UNAVAILABLE', /runs without a store/], url)
  }
})
