/** Every way in which a secret may stand in a text: what a redaction has to be proved against. Pure. */

/** Shorter ones, of secrets or of what base64 leaves of them, are part of ordinary words. */
export const shortestSearched = 6

/** @returns without those that are too short to be told from ordinary words */
export function spellingsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const json = inJson(secret)
  const base64 = base64Of(bytes)
  const hex = bytes.toString('hex')
  const all = [
    secret,
    json,
    inJson(json),
    ...percentEncoded(secret),
    inHtml(secret),
    ...base64,
    ...base64.map(urlSafe),
    ...base64.map((text) => encodeURIComponent(text)),
    hex,
    hex.toUpperCase(),
    // UTF-8 that somebody took for Latin-1.
    bytes.toString('latin1'),
  ]
  return [...new Set(all)].filter((text) => text.length >= shortestSearched)
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** As a whole component, as part of an address, of a form; with hexadecimal digits of either case. */
function percentEncoded(secret: string): readonly string[] {
  const whole = encodeURIComponent(secret)
  const strict = whole.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  const form = new URLSearchParams([['', secret]]).toString().slice(1)
  return [whole, strict, encodeURI(secret), form].flatMap((text) => [
    text,
    text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  ])
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function inHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign)
}

/** What base64 makes of these bytes wherever they stand in a text: its groups of three begin at any of them. */
function base64Of(bytes: Uint8Array): readonly string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
}

function urlSafe(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}
