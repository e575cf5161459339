/** Secrets in texts of products, in log lines, in addresses. */
import { Writable } from 'node:stream'
import { createLog } from '../../src/cli/log.ts'
import { passwordsOf, redactAddress } from '../../src/config/formats.ts'
import { redact } from '../../src/upstream/redact.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { hostile, type Random } from './random.ts'

const letters = [...'abcXYZ0189+/=_-.~!$&?%"\'<>\\ #@:;,()[]{}|^`é']

/** As generators of keys make them, and as people choose them. */
function secretOf(random: Random): string {
  if (random.oneIn(3)) return random.digits(12 + random.below(30), 'ABCDEFabcdef0123456789+/=')
  return `k${random.text(letters, 14)}9z${random.text(letters, 6)}`
}

const html: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** What servers write a text as, beside as it is. */
const spellings: Readonly<Record<string, (secret: string) => string>> = {
  plain: (secret) => secret,
  JSON: (secret) => JSON.stringify(secret).slice(1, -1),
  'JSON in JSON': (secret) => JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  address: encodeURIComponent,
  'address in small letters': (secret) =>
    encodeURIComponent(secret).replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  form: (secret) => new URLSearchParams([['', secret]]).toString().slice(1),
  HTML: (secret) => secret.replaceAll(/[&<>"']/g, (sign) => html[sign] ?? sign),
  'JSON of PHP': (secret) => JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'),
  'JSON of Gson': (secret) =>
    JSON.stringify(secret)
      .slice(1, -1)
      .replaceAll(
        /[<>&='\u0080-\uffff]/g,
        (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
      ),
}
const ways = Object.keys(spellings)

interface Given {
  readonly secret: string
  readonly other: string
  readonly before: string
  readonly after: string
}

function given(random: Random): Given {
  return {
    secret: secretOf(random),
    other: secretOf(random),
    before: random.text([...hostile, 'invalid_client', ' '], 6),
    after: random.text([...hostile, 'words'], 6),
  }
}

const ofProducts = property({
  name: 'words of products',
  guarantee: 'a secret goes out of a text in each way that servers write it, and nothing else does',
  inputs: ways.length,
  short: 4500,
  make: given,
  check({ secret, other, before, after }) {
    if (secret.length < 6 || (before + after).includes(secret.slice(0, 3)) || /redacted/.test(secret + other))
      return
    const texts = ways.map((way) => [way, spellings[way]?.(secret) ?? secret] as const)
    const clean = redact(texts.map(([, text]) => `${before} ${text} ${after}`).join('\n\n'), [other, secret])
    for (const [way, text] of texts)
      expect(!clean.includes(text), () => `${way}: ${text} is left in ${clean}`)
    const wanted = texts.map(() => `${before} [redacted] ${after}`).join('\n\n')
    expect(clean === wanted, () => `what is around it became ${clean}`)
    expectSame('nothing to take out', redact(`${before} ${after}`, [secret]), `${before} ${after}`)
  },
})

const addresses = property({
  name: 'addresses',
  guarantee:
    'no password of an address is printed, and each is known to the redaction as it stands and decoded',
  short: 10_000,
  make: (random) => ({
    secret: secretOf(random),
    user: random.pick(['', 'u', 'u.ser', 'u%40x']),
    query: random.oneIn(3),
  }),
  check({ secret, user, query }: { secret: string; user: string; query: boolean }) {
    if (secret === '') return
    const written = encodeURIComponent(secret)
    const address = query
      ? `postgres://h.example/d?sslmode=require&password=${written}`
      : `postgres://${user}:${written}@h.example:5432/d`
    const shown = redactAddress(address)
    expect(!shown.includes(written) && !shown.includes(secret), () => shown)
    expect(shown.includes('h.example'), () => shown)
    const found = passwordsOf(address)
    expect(found.includes(written) && found.includes(secret), () => JSON.stringify(found))
  },
})

/** Lines as they are written, without a process's own stream. */
const lines: string[] = []
const sink = new Writable({
  write(chunk, _encoding, done) {
    lines.push(String(chunk))
    done()
  },
})
let secrets: readonly string[] = []
const log = await createLog({ level: 'trace', secrets: () => secrets, stream: sink })

const inLog = property({
  name: 'log lines',
  guarantee: 'an event is one line of JSON, whatever is in it, and no secret stands in the line',
  inputs: 50,
  short: 2000,
  make: (random) => ({ all: Array.from({ length: 50 }, () => given(random)), kept: secretOf(random) }),
  async check({ all, kept }: { all: readonly Given[]; kept: string }) {
    secrets = [...all.map(({ secret }) => secret), kept].filter((secret) => secret.length >= 6)
    lines.length = 0
    for (const { secret, before, after } of all) {
      const error = new Error(`${before} ${secret} ${after}`, {
        cause: new Error(`?key=${encodeURIComponent(secret)}`),
      })
      log.error(
        { err: error, [`${before}x`]: { deep: [secret] }, note: `${kept}${after}` },
        `${after}${secret}`,
      )
    }
    await new Promise(setImmediate)
    const written = lines.join('').split('\n')
    expectSame('the end', written.pop(), '')
    expectSame('lines', written.length, all.length)
    for (const [index, line] of written.entries()) {
      const { secret = '' } = all[index] ?? {}
      const { msg, level, time } = JSON.parse(line)
      expect(level === 50 && typeof msg === 'string' && !Number.isNaN(Date.parse(time)), () => line)
      for (const one of [secret, kept]) {
        if (one.length < 6) continue
        const texts = textsIn(JSON.parse(line))
        const found = texts.find((text) => text.includes(one) || text.includes(encodeURIComponent(one)))
        expect(found === undefined, () => `${one} stands in ${line}`)
      }
    }
  },
})

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => [name, ...textsIn(member)])
}

export const redaction: Subject = { name: 'redaction', properties: [ofProducts, addresses, inLog] }
