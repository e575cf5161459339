/** What a registry key's value says: ThreatConnect joins the key, the name of a value in it and its type by ` : `. */

export interface RegistryValue {
  /** With its hive's full name. */
  readonly key: string
  /** Of the value in it; absent: it is about the key, or about its default value. */
  readonly name?: string
}

/** The type tells that the text is joined: colons stand in keys and names as well. */
const typeAtEnd = /: REG_[A-Z_]+$/

export function registryValueOf(text: string): RegistryValue {
  const end = typeAtEnd.exec(text)?.index
  const start = text.indexOf(' :')
  if (end === undefined || start < 0 || start + 2 > end) return { key: text }
  const key = text.slice(0, start)
  const name = text.slice(start + 2, end).trim()
  return name === '' ? { key } : { key, name }
}
