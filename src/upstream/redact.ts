/** Takes secrets out of what a product says: it may echo them, as they are or as one of these formats writes them. */

const htmlEntities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function spellings(secret: string): readonly string[] {
  return [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams([['', secret]]).toString().slice(1),
    inJson(secret),
    inJson(inJson(secret)),
    secret.replace(/[&<>"']/g, (character) => htmlEntities[character] ?? character),
  ]
}

/** @param secrets empty ones are passed over */
export function redact(text: string, secrets: readonly string[]): string {
  const found = new Set(secrets.filter((secret) => secret !== '').flatMap(spellings))
  // The longest first: one may be part of another.
  return [...found]
    .sort((a, b) => b.length - a.length)
    .reduce((clean, spelling) => clean.replaceAll(spelling, '[redacted]'), text)
}
