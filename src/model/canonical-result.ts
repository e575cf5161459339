/** What becomes of a value: its canonical form, or why it has none. */
export type Canonical = { readonly value: string } | { readonly reason: string }

/** A received text for a message: quoted, on one line, shortened. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
