/** `feed-server config`: what the server would run with, and what is wrong with it. */
import type { Command } from 'commander'
import { printConfig } from '../config/print.ts'
import { loadedConfig } from './load-config.ts'
import { print } from './terminal.ts'

export function configCommand(program: Command): void {
  const config = program.command('config').description('Looks at the configuration.')
  config
    .command('print')
    .description('Prints the effective configuration, secrets redacted.')
    .action(() => print(printConfig(loadedConfig(program))))
  config
    .command('check')
    .description('Checks the configuration; every error at once, exit code 2 if there is any.')
    .action(async () => {
      const { warnings, config: loaded } = loadedConfig(program)
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
      const { sources, exporters, feeds, bridges } = loaded
      const counts = [
        `${sources.length} sources`,
        `${feeds.length} feeds`,
        `${exporters.length} exporters`,
        `${bridges.length} bridges`,
      ]
      await print(`The configuration is good: ${counts.join(', ')}.\n`)
    })
}
