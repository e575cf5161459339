/** What is wrong with API keys. */
import { createHash } from 'node:crypto'
import { type CheckContext, isReadable, named, nodeAt, report, reportWord } from './check-context.ts'
import type { FileConfig } from './schema.ts'

type Key = FileConfig['auth']['keys'][number]

/** API keys: secrets that can be sent, ids and secrets of one key only, scopes that exist. */
export function checkKeys(file: FileConfig, context: CheckContext): void {
  const { keys } = file.auth
  const owners = new Map<string, { id: string; index: number }>()
  for (const [index, key] of keys.entries()) {
    const path = `auth.keys[${index}]`
    if (!isReadable(path, 'map', context)) continue
    checkSecret(key, path, context)
    checkScopes(key.scopes, `${path}.scopes`, file, context)
    const before = keys.findIndex(({ id }) => id === key.id)
    if (key.id !== '' && before < index && !sameScopes(key, keys[before])) {
      const message = `takes an id of its own; "${key.id}" is the id of auth.keys[${before}], with other scopes (with the same scopes, both keys are good while one replaces the other)`
      report(`${path}.id`, message, context)
    }
    for (const [member, digest] of digestsOf(key)) {
      const owner = owners.get(digest)
      if (owner !== undefined && owner.id !== key.id) {
        report(
          `${path}.${member}`,
          `takes a key of its own; this is the key of auth.keys[${owner.index}]`,
          context,
        )
      }
      owners.set(digest, { id: key.id, index })
    }
  }
}

function checkSecret({ secret, secretHash }: Key, path: string, context: CheckContext): void {
  if (secret === undefined && secretHash === undefined) {
    const takes = 'secret or secretHash, or both while one key replaces the other'
    report(path, `takes ${takes}; received neither`, context)
  }
  if (!secret) return
  if (!/^[!-9;-~]+$/.test(secret)) {
    report(
      `${path}.secret`,
      'takes visible ASCII characters without blanks and ":"; the value is not shown',
      context,
    )
  } else if (secret.startsWith('demo-key-')) {
    const message = 'is the key of the demo, which everybody knows: good only for made-up data'
    context.warn(nodeAt(`${path}.secret`, context).at, `${path}.secret`, message)
  } else if (secret.length < 16) {
    const message =
      'is shorter than 16 characters and may be guessed; `feed-server keys create` makes a good one'
    context.warn(nodeAt(`${path}.secret`, context).at, `${path}.secret`, message)
  }
}

/** SHA-256 of each secret of a key, by the member that gives it. */
export function digestsOf({ secret, secretHash }: Key): readonly (readonly [string, string])[] {
  const digests: [string, string][] = []
  if (secret) digests.push(['secret', createHash('sha256').update(secret).digest('hex')])
  if (secretHash) digests.push(['secretHash', secretHash.slice('sha256:'.length).toLowerCase()])
  return digests
}

function sameScopes(key: Key, other: Key | undefined): boolean {
  const sorted = (scopes: readonly string[]) => JSON.stringify([...new Set(scopes)].sort())
  return other !== undefined && sorted(key.scopes) === sorted(other.scopes)
}

/** Those that name neither a feed nor an exporter. */
export const plainScopes = [
  'indicators:read',
  'feeds:read',
  'push:*',
  'sources:run',
  'tickets:read',
  'tickets:write',
  'metrics:read',
  'admin',
]

/** What a scope takes, to stand after "takes". */
export const scopeWords =
  'one of indicators:read, feeds:read, feeds:read:NAME, push:EXPORTER, push:*, sources:run, tickets:read, tickets:write, metrics:read, admin'

function checkScopes(scopes: readonly string[], path: string, file: FileConfig, context: CheckContext): void {
  const feeds = file.feeds.flatMap(({ name }) => (name === '' ? [] : [`feeds:read:${name}`]))
  const pushes = file.exporters.flatMap(({ name }) => (name === '' ? [] : [`push:${name}`]))
  const known = [...plainScopes, ...feeds, ...pushes]
  const node = context.nodes.get(path)
  const isList = node?.kind === 'list' || (node?.kind === 'scalar' && typeof node.value === 'string')
  if (isList && scopes.length === 0) report(path, 'takes at least one scope', context)
  for (const [index, scope] of scopes.entries()) {
    if (scope === '' || known.includes(scope) || leadsToUnread(scope, context)) continue
    reportWord(`${path}[${index}]`, takesScope(scope, file), known, context)
  }
}

/** A feed or exporter that may exist in a section that could not be read. */
function leadsToUnread(scope: string, context: CheckContext): boolean {
  if (scope.startsWith('feeds:read:')) return !isReadable('feeds', 'list', context)
  return scope.startsWith('push:') && !isReadable('exporters', 'list', context)
}

/** Whether it has the form of a scope; whether its feed or exporter exists only a whole configuration tells. */
export function isScope(text: string): boolean {
  return plainScopes.includes(text) || /^(feeds:read|push):[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)
}

function takesScope(scope: string, { feeds, exporters }: FileConfig): string {
  if (scope.startsWith('feeds:read:')) return `feeds:read:NAME of a feed (${named(feeds)})`
  if (scope.startsWith('push:')) return `push:EXPORTER of an exporter (${named(exporters)}), or push:*`
  return scopeWords
}
