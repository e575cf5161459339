/** What environment variables say: they override the file, and without a file they make a source. */
import { resolve } from 'node:path'
import { fileFault, storeFolder } from './formats.ts'
import { type Surroundings, withoutLastNewline } from './interpolate.ts'
import { entryOf, isEmpty, type Located, type LocatedEntry, type LocatedMap, locate } from './located.ts'
import type { Place } from './problem.ts'
import type { Report } from './yaml.ts'

const overrides = [
  { variable: 'FEED_HOST', section: 'server', key: 'host' },
  { variable: 'FEED_PORT', section: 'server', key: 'port' },
  { variable: 'FEED_STORE_URL', section: 'store', key: 'url' },
  { variable: 'FEED_LOG_LEVEL', section: 'log', key: 'level' },
] as const

/** An empty variable is as good as none: compose files leave them behind. */
export function overridden(root: LocatedMap, env: Surroundings['env'], cwd: string): LocatedMap {
  return overrides.reduce((map, { variable, section, key }) => {
    const text = env[variable]
    if (text === undefined || text === '') return map
    // A path that was typed in a shell starts where the shell is, not where the file is.
    const folder =
      variable === 'FEED_STORE_URL' && text.startsWith('file:') ? storeFolder(text, cwd) : undefined
    const value = folder === undefined ? text : `file:${folder}`
    const at = { variable }
    const given = entryOf(map, section)
    const inner = given === undefined || isEmpty(given.value) ? locate({}, at) : given.value
    // A section that is no map is reported as such.
    if (inner.kind !== 'map') return map
    const scalar: Located = { kind: 'scalar', at, value, references: [], convertible: true }
    return withEntry(map, {
      key: section,
      at: given?.at ?? at,
      value: withEntry(inner, { key, at, value: scalar }),
    })
  }, root)
}

function withEntry(map: LocatedMap, entry: LocatedEntry): LocatedMap {
  return { ...map, entries: [...map.entries.filter(({ key }) => key !== entry.key), entry] }
}

const variables = {
  baseUrl: 'TC_BASE_URL',
  accessId: 'TC_ACCESS_ID',
  secretKey: 'TC_SECRET_KEY',
  token: 'TC_TOKEN',
} as const

type Given = Readonly<Partial<Record<keyof typeof variables, Located>>>

/** The source `tc` of a server without a file; undefined when none of ThreatConnect's variables is set. */
export function sourceFromVariables(surroundings: Surroundings, report: Report): Located | undefined {
  const pairs = Object.entries(variables).map(
    ([key, name]) => [key, variable(name, surroundings, report)] as const,
  )
  const given: Given = Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
  if (Object.keys(given).length === 0) return undefined
  const entries = Object.entries(completed(given, report)).map(([key, value]) => ({
    key,
    at: value.at,
    value,
  }))
  const at = { variable: variables.baseUrl }
  const settings: LocatedEntry = { key: 'settings', at, value: { kind: 'map', at, entries } }
  const source = locate({ name: 'tc', kind: 'threatconnect' }, at) as LocatedMap
  return { ...source, entries: [...source.entries, settings] }
}

/** The value of NAME, or the content of the file that NAME_FILE names. */
function variable(
  name: string,
  { env, folder, readFile }: Surroundings,
  report: Report,
): Located | undefined {
  const fileVariable = `${name}_FILE`
  const value = env[name] || undefined
  const file = env[fileVariable] || undefined
  const place = (variable: string): Place => ({ variable })
  if (value !== undefined && file !== undefined) {
    report(place(fileVariable), '', `is set as well as ${name}: one of them is taken`)
  }
  if (value !== undefined) return locate(value, place(name))
  if (file === undefined) return undefined
  const at = place(fileVariable)
  try {
    const content = withoutLastNewline(readFile(resolve(folder, file)))
    // Not shown where it is wrong: the file may be that of a secret.
    const references = [`the file ${JSON.stringify(file)}`]
    if (content !== '') return { kind: 'scalar', at, value: content, references }
    report(at, '', `takes the path of a file with a value; ${JSON.stringify(file)} is empty`)
  } catch (error) {
    report(at, '', `takes the path of a file; ${JSON.stringify(file)}: ${fileFault(error)}`)
  }
  return { kind: 'unreadable', at }
}

/** What is missing or too much is reported; in its place stands what nothing more is said about. */
function completed(given: Given, report: Report): Given {
  const { accessId: idName, secretKey: keyName, token: tokenName } = variables
  const pair = `a ThreatConnect source takes ${idName} and ${keyName}, or ${tokenName}`
  const fault = (name: string, message: string): Located => {
    report({ variable: name }, '', message)
    return { kind: 'unreadable', at: { variable: name } }
  }
  const missing = (name: string, because: string) =>
    fault(name, `is not set, nor is ${name}_FILE: ${because}`)
  const baseUrl =
    given.baseUrl ?? missing(variables.baseUrl, 'the credentials of ThreatConnect have no address')
  const { accessId, secretKey, token } = given
  if (token === undefined) {
    return {
      baseUrl,
      accessId: accessId ?? missing(idName, pair),
      secretKey: secretKey ?? missing(keyName, pair),
    }
  }
  if (accessId === undefined && secretKey === undefined) return { baseUrl, token }
  const other = accessId === undefined ? keyName : idName
  return { baseUrl, token: fault(tokenName, `is set as well as ${other}: ${pair}`) }
}
