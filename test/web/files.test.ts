/** The dashboard's files: what stands in them, and how they are served. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import t from 'tap'
import { feedFormats, feedProfiles } from '../../src/feeds/index.ts'
import { consumers } from '../../src/feeds/recipes.ts'
import { createServer } from '../../src/http/server.ts'
import { type WebFile, webFiles } from '../../src/web/files.ts'

const files = webFiles()
const own = files.filter(({ name }) => !name.startsWith('uplot.'))
const textOf = ({ bytes }: WebFile) => bytes.toString('utf8')

async function server(t: { teardown(after: () => Promise<void>): void }, keys: boolean) {
  const digests = ['0'.repeat(64)]
  const app = await createServer({
    keys: keys ? [{ id: 'some', digests, scopes: ['admin'] }] : [],
    trustProxy: false,
    requestsPerMinute: 0,
    logger: pino({ level: 'silent' }),
    version: '0.0.0',
    routes: [],
    isReady: async () => ({ ok: true, reasons: [] }),
  })
  t.teardown(() => app.close())
  await app.ready()
  return app
}

t.test('nothing in the files makes code or elements of text, and nothing comes from elsewhere', async (t) => {
  const forbidden = [
    /\.(innerHTML|outerHTML|srcdoc)\b/,
    /insertAdjacentHTML|setHTMLUnsafe|parseHTMLUnsafe|createContextualFragment|DOMParser/,
    /document\.write|\beval\(|new Function\(|setTimeout\(\s*['"`]/,
    /\sstyle=|\son\w+=["']|<style/,
    /localStorage|document\.cookie/,
    /<script(?![^>]*\ssrc=)/,
    /@import\s+(url|['"]http)|url\(/,
  ]
  t.ok(own.length > 20, 'the files were found')
  for (const file of own) {
    const text = textOf(file)
    // Where one of these words stands in a comment it is not done.
    const code = text.replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
    for (const pattern of forbidden) t.notMatch(code, pattern, `${file.name}: ${pattern}`)
    const addresses = [...code.matchAll(/https?:\/\/[\w.-]+/g)].map(([address]) => address)
    t.same(file.name.endsWith('.svg') ? [] : addresses, [], `${file.name} names no other server`)
    if (file.name.endsWith('.js'))
      t.match(text, /^\/\/ @ts-check\n\/\*\*/, `${file.name} is checked, and says what it is`)
  }
})

t.test('everything that a file asks for is there', async (t) => {
  const names = new Set(files.map(({ name }) => name))
  for (const file of own) {
    const text = textOf(file)
    const code = text.replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
    const asked = [
      ...[...code.matchAll(/\bfrom '\.\/([^']+)'/g)].map(([, name]) => name),
      ...[...text.matchAll(/"assets\/([^"]+)"/g)].map(([, name]) => name),
    ]
    for (const name of asked) t.ok(names.has(name ?? ''), `${file.name} asks for ${name}`)
  }
  const all = own.map(textOf).join('\n')
  for (const { name } of files) {
    if (name !== 'index.html')
      t.match(all, new RegExp(`[./"']${name.replaceAll('.', '\\.')}['"]`), `${name} is asked for`)
  }
})

t.test('the forms and products that can be chosen are those that the server has', async (t) => {
  const forms: unknown = await import(new URL('../../src/web/static/feed-forms.js', import.meta.url).href)
  t.match(forms, {})
  const chosen = forms as {
    readonly formats: readonly string[]
    readonly profiles: readonly string[]
    readonly consumers: readonly (readonly [name: string, title: string])[]
  }
  const sorted = (names: readonly string[]) => [...names].sort()
  t.same(sorted(chosen.formats), sorted(feedFormats.map(({ name }) => name)))
  t.same(sorted(chosen.profiles), sorted(feedProfiles.map(({ name }) => name)))
  t.same(sorted(chosen.consumers.map(([name]) => name)), sorted(consumers))
})

t.test(
  'the page and its files are served to everyone, small, and not sent again while they are the same',
  async (t) => {
    const app = await server(t, true)
    const page = await app.inject('/')
    t.match(page, { statusCode: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
    t.match(page.body, '<meta name="sign-in" content="needed" />')
    const policy = String(page.headers['content-security-policy'])
    t.match(policy, /default-src 'none';script-src 'self';style-src 'self';.*connect-src 'self'/)
    t.notMatch(policy, /unsafe/)
    for (const { name, bytes, mediaType } of files) {
      const url = `/assets/${name}`
      const plain = await app.inject(url)
      t.match(
        plain,
        { statusCode: 200, headers: { 'content-type': mediaType, 'cache-control': 'no-cache' } },
        url,
      )
      t.ok(plain.rawPayload.equals(bytes), url)
      const etags = new Set([plain.headers.etag])
      for (const [encoding, decode] of [
        ['gzip', gunzipSync],
        ['br', brotliDecompressSync],
      ] as const) {
        const packed = await app.inject({ url, headers: { 'accept-encoding': encoding } })
        etags.add(packed.headers.etag)
        t.equal(packed.headers.vary, 'Accept-Encoding')
        // A tiny file does not get smaller.
        if (packed.headers['content-encoding'] === encoding)
          t.ok(decode(packed.rawPayload).equals(bytes), `${url} ${encoding}`)
        const again = await app.inject({
          url,
          headers: { 'accept-encoding': encoding, 'if-none-match': String(packed.headers.etag) },
        })
        t.same([again.statusCode, again.body], [304, ''], `${url} ${encoding}`)
      }
      if (bytes.length > 1000) t.equal(etags.size, 3, `${url} has an ETag for each encoding`)
      t.match(await app.inject({ url, method: 'HEAD' }), { statusCode: 200, body: '' }, url)
    }
    t.match((await app.inject({ url: '/', method: 'POST' })).headers.allow, 'GET, HEAD')
    for (const name of [
      '',
      'nothing.js',
      '..%2ffiles.ts',
      '%2e%2e/files.ts',
      'tsconfig.json',
      '__proto__',
      'main.js%00',
      'Main.js',
    ]) {
      t.match((await app.inject(`/assets/${name}`)).statusCode, 404, name)
    }
  },
)

t.test('a server without keys asks for none', async (t) => {
  const app = await server(t, false)
  t.match(
    (await app.inject({ url: '/', headers: { host: 'localhost' } })).body,
    '<meta name="sign-in" content="none" />',
  )
  t.equal((await app.inject({ url: '/', headers: { host: 'evil.example' } })).statusCode, 403)
})
