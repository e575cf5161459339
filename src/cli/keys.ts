/** `feed-server keys create`: a new API key, shown once, and the entry for the configuration with its hash. */
import { createHash, randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { isScope, plainScopes, scopeWords } from '../config/key-checks.ts'
import { didYouMean } from '../did-you-mean.ts'
import { CommandError } from './failure.ts'
import { print } from './terminal.ts'

/** 256 bits, letters and digits only: some clients split header values at other characters. */
export function newKey(id: string): { key: string; secretHash: string } {
  const key = `ifs_${id}_${base62(randomBytes(32))}`
  return { key, secretHash: `sha256:${createHash('sha256').update(key).digest('hex')}` }
}

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function base62(bytes: Uint8Array): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  let text = ''
  // 43 digits hold 256 bits; a fixed length tells nothing about the value.
  for (let count = 0; count < 43; count++) {
    text = digits[Number(rest % 62n)] + text
    rest /= 62n
  }
  return text
}

export async function createKey(id: string, scopes: readonly string[], json: boolean): Promise<void> {
  const { key, secretHash } = newKey(id)
  if (json) return print(`${JSON.stringify({ key, entry: { id, secretHash, scopes } })}\n`)
  const list = scopes.map((scope) => JSON.stringify(scope)).join(', ')
  await print(
    `The API key, shown only now:\n\n  ${key}\n\nIts entry under auth.keys of the configuration:\n\n` +
      `  - { id: ${JSON.stringify(id)}, secretHash: "${secretHash}", scopes: [${list}] }\n\n` +
      'A running server takes it by SIGHUP or POST /api/v1/config/reload; the first key of all takes a restart.\n' +
      'In place of an older key: add the entry beside the old one of the same id, reload, let every client change,\n' +
      'take the old entry out, reload. Both keys are good meanwhile.\n',
  )
}

const keyId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

const examples = `
Examples:
  feed-server keys create soar --scopes 'indicators:read,sources:run,push:*'
  feed-server keys create edge-fw --scopes feeds:read:block-ip --json
`

export function keysCommand(program: Command): void {
  program
    .command('keys')
    .description('Makes API keys.')
    .command('create')
    .argument('<id>', 'name of the key: letters, digits, ".", "_" and "-"')
    .requiredOption('--scopes <list>', 'comma-separated, for example indicators:read,feeds:read')
    .option('--json', 'key and entry as JSON')
    .description('Prints a new API key once, and its entry for the configuration.')
    .addHelpText('after', examples)
    .action((id: string, options: { scopes: string; json?: true }) => {
      if (!keyId.test(id))
        throw new CommandError(`id takes a name such as soar-1; received ${JSON.stringify(id)}`, 2)
      const scopes = options.scopes
        .split(',')
        .map((scope) => scope.trim())
        .filter((scope) => scope !== '')
      const unknown = scopes.filter((scope) => !isScope(scope))
      if (unknown.length > 0 || scopes.length === 0) {
        const meant = unknown.flatMap((scope) => didYouMean(scope, plainScopes) ?? [])
        const hint = meant.length === 0 ? '' : `\n(Did you mean ${meant.join(', ')}?)`
        const received = JSON.stringify(options.scopes)
        throw new CommandError(`--scopes takes ${scopeWords}; received ${received}${hint}`, 2)
      }
      return createKey(id, scopes, options.json === true)
    })
}
