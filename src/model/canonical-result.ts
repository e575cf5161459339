/** What becomes of a value: its canonical form, or why it has none. */
export type Canonical = { readonly value: string } | { readonly reason: string }

/** A received text for a message: quoted, on one line, shortened. */
export function quote(text: string): string {
  const quoted = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
  // JSON holds these as they are.
  return quoted.replaceAll(/[\x7f-\x9f\u2028\u2029]/g, (sign) => {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
