import fc from 'fast-check'
import t from 'tap'
import { cleaner, redact } from '../../src/upstream/redact.ts'

const secret = `pa"ss&<w>o'rd\\ /+éÉ`

t.test('a secret is taken out however an answer writes it', async (t) => {
  const html = secret.replace(
    /[&<>"']/g,
    (c) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' }[c] ?? '#39'};`,
  )
  const cases: Readonly<Record<string, string>> = {
    'as it is': secret,
    'in an address': encodeURIComponent(secret),
    'in a form': new URLSearchParams({ secret }).toString(),
    'in JSON': JSON.stringify({ secret }),
    'in JSON in JSON': JSON.stringify({ body: JSON.stringify({ secret }) }),
    'in a page': `<p>${html}</p>`,
    'its UTF-8 read as Latin-1': Buffer.from(secret).toString('latin1'),
    'its UTF-8 read as windows-1252': new TextDecoder('windows-1252').decode(Buffer.from(secret)),
    'read as Latin-1, in an address': encodeURIComponent(Buffer.from(secret).toString('latin1')),
  }
  for (const [where, text] of Object.entries(cases)) {
    const clean = redact(`before ${text} after`, ['', secret])
    t.match(clean, /^before .*\[redacted\].* after$/, where)
    t.notMatch(clean, /o'rd|o%27rd|o&#39;rd/, where)
  }
})

t.test('of secrets that are part of each other nothing is left, and other text stays', async (t) => {
  t.equal(redact('abc abcdef x', ['abc', 'abcdef']), '[redacted] [redacted] x')
  fc.assert(
    fc.property(fc.string({ minLength: 6 }), fc.string(), fc.string(), (key, before, after) => {
      fc.pre(!'[redacted]'.includes(key))
      return !redact(before + key + after, [key])
        .replaceAll('[redacted]', '\n')
        .includes(key)
    }),
  )
  t.equal(redact('nothing of it', ['secret-1']), 'nothing of it')
})

t.test(
  'words of a product are shown without secrets and control characters, cut short between characters',
  async (t) => {
    const clean = cleaner(['s-1', ''], 12)
    t.equal(clean('a\u0000\r\n\u009fb s-1'), 'a b [redacte')
    t.equal(clean('no: s-1'), 'no: [redacte')
    t.equal(clean('12345678901\u{1f600}'), '12345678901\ufffd', 'half a character is none')
  },
)
