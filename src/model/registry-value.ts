/** What a registry key's value says: ThreatConnect joins the key, the name of a value in it and its type by ` : `. */

export interface RegistryValue {
  /** With its hive's full name. */
  readonly key: string
  /** Of the value in it; absent: it is about the key, or about its default value. */
  readonly name?: string
}

/** The type tells that the text is joined: colons stand in keys and names as well. */
const joined = /^(?<key>.*?) :(?<name>.*): REG_[A-Z_]+$/s

export function registryValueOf(text: string): RegistryValue {
  const { key, name } = joined.exec(text)?.groups ?? {}
  if (key === undefined || name === undefined) return { key: text }
  const trimmed = name.trim()
  return trimmed === '' ? { key } : { key, name: trimmed }
}
