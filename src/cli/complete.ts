/**
 * `feed-server __complete`: names of the configuration for the completion of a shell. It has to answer while somebody
 * types: nothing is checked, no connector is loaded, and a configuration that can't be read has no names. Neither
 * variables nor secret files are read: what is made of them is not offered.
 */
import type { Command } from 'commander'
import { environment } from '../config/environment.ts'
import { glance, namesIn } from '../config/glance.ts'
import { type NameKind, nameKinds } from './completion-values.ts'
import { print } from './terminal.ts'

export function completeCommand(program: Command): void {
  program
    .command('__complete', { hidden: true })
    .argument('<kind>', nameKinds.join(', '))
    .description('Names of the configuration, one a line: for `feed-server completion`.')
    .action(async (kind: string) => {
      const { config: file } = program.opts<{ config?: string }>()
      await print(names(kind, file).join('\n').concat('\n'))
    })
}

const sections: Readonly<Record<NameKind, readonly ('sources' | 'exporters' | 'bridges' | 'feeds')[]>> = {
  sources: ['sources'],
  exporters: ['exporters'],
  bridges: ['bridges'],
  feeds: ['feeds'],
  connectors: ['sources', 'exporters', 'bridges'],
}

function names(kind: string, file: string | undefined): readonly string[] {
  if (!nameKinds.some((each) => each === kind)) return []
  const { FEED_CONFIG, TC_BASE_URL, TC_ACCESS_ID, TC_TOKEN } = environment()
  // The doctor's first patient is always there.
  const always = kind === 'connectors' ? ['server'] : []
  const root = glance({
    ...(file !== undefined && { file }),
    env: { FEED_CONFIG },
    cwd: process.cwd(),
    files: false,
  })
  if (root === 'none') {
    const isSource = [TC_BASE_URL, TC_ACCESS_ID, TC_TOKEN].some(
      (value) => value !== undefined && value !== '',
    )
    return [...always, ...(isSource && (kind === 'sources' || kind === 'connectors') ? ['tc'] : [])]
  }
  if (root === 'unreadable') return always
  const found = sections[kind as NameKind].flatMap((section) => namesIn(root, section))
  // What a shell would take for more than a name is not offered.
  return [...new Set([...always, ...found])].filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
}
