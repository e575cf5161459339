/** The configuration for a command, or every error of it and exit code 2. */
import type { Command } from 'commander'
import { registries } from '../app.ts'
import { environment } from '../config/environment.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import type { Config } from '../config/model.ts'
import { formatProblem } from '../config/problem.ts'
import { CommandError } from './terminal.ts'

/** @throws CommandError with every problem of the configuration */
export function loadedConfig(program: Command): LoadedConfig {
  const { config: file } = program.opts<{ config?: string }>()
  const loaded = loadConfig({
    ...(file !== undefined && { file }),
    env: environment(),
    cwd: process.cwd(),
    registries,
  })
  if (loaded.ok) return loaded
  const count = loaded.errors.length
  const title = count === 1 ? 'The configuration has an error:' : `The configuration has ${count} errors:`
  throw new CommandError(
    [title, ...loaded.errors.map((problem) => `  ${formatProblem(problem)}`)].join('\n'),
    2,
  )
}

export function configOf(program: Command): Config {
  return loadedConfig(program).config
}
