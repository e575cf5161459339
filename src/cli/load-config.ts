/** The configuration for a command, or every error of it and exit code 2. */
import type { Command } from 'commander'
import { registries } from '../app.ts'
import { environment } from '../config/environment.ts'
import { type LoadedConfig, type LoadResult, loadConfig } from '../config/load.ts'
import type { Config } from '../config/model.ts'
import { type ConfigProblem, formatProblem } from '../config/problem.ts'
import { CommandError } from './failure.ts'

export function configResult(program: Command): LoadResult {
  const { config: file } = program.opts<{ config?: string }>()
  return loadConfig({
    ...(file !== undefined && { file }),
    env: environment(),
    cwd: process.cwd(),
    registries,
  })
}

/** @throws CommandError with every problem of the configuration */
export function loadedConfig(program: Command): LoadedConfig {
  const loaded = configResult(program)
  if (loaded.ok) return loaded
  throw configFailure(loaded.errors)
}

export function configFailure(errors: readonly ConfigProblem[]): CommandError {
  const title =
    errors.length === 1 ? 'The configuration has an error:' : `The configuration has ${errors.length} errors:`
  return new CommandError([title, ...errors.map((problem) => `  ${formatProblem(problem)}`)].join('\n'), 2)
}

export function configOf(program: Command): Config {
  return loadedConfig(program).config
}
