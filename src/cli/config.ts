/** `feed-server config`: what the server would run with, and what is wrong with it. */
import type { Command } from 'commander'
import type { Config } from '../config/model.ts'
import { printConfig } from '../config/print.ts'
import { counted } from './formats.ts'
import { configFailure, configResult, loadedConfig } from './load-config.ts'
import { print, tell } from './terminal.ts'

interface Options {
  readonly json?: true
}

const examples = `
Examples:
  feed-server config check --config /etc/feed-server/feed-server.yaml
  feed-server config print --json
`

export function configCommand(program: Command): void {
  const config = program
    .command('config')
    .description('Looks at the configuration.')
    .addHelpText('after', examples)
  config
    .command('print')
    .option('--json', 'as JSON instead of YAML')
    .description('Prints the effective configuration, secrets redacted.')
    .action((options: Options) => {
      const loaded = loadedConfig(program)
      return print(options.json ? `${JSON.stringify(loaded.effective)}\n` : printConfig(loaded))
    })
  config
    .command('check')
    .option('--json', '{ ok, errors, warnings } as JSON')
    .description('Checks the configuration; every error at once, exit code 2 if there is any.')
    .action((options: Options) => check(program, options.json === true))
}

async function check(program: Command, json: boolean): Promise<void> {
  const result = configResult(program)
  const errors = result.ok ? [] : result.errors
  const warnings = result.ok ? result.warnings : []
  if (json) await print(`${JSON.stringify({ ok: result.ok, errors, warnings })}\n`)
  if (!result.ok) throw configFailure(errors)
  if (json) return
  for (const warning of warnings) tell(`warning: ${warning}`)
  await print(`The configuration is good: ${contents(result.config)}.\n`)
}

function contents({ sources, feeds, exporters, bridges }: Config): string {
  return [
    counted(sources.length, 'source'),
    counted(feeds.length, 'feed'),
    counted(exporters.length, 'exporter'),
    counted(bridges.length, 'bridge'),
  ].join(', ')
}
