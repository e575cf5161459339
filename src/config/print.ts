/** `config print`: what the server would run with, as a file that could be loaded again once its secrets are filled in. */
import { stringify } from 'yaml'
import type { LoadedConfig } from './load.ts'

/** YAML in the file's own shape: defaults and overrides applied, every secret `[redacted]`. */
export function printConfig({ effective }: LoadedConfig): string {
  return stringify(effective, { lineWidth: 0, aliasDuplicateObjects: false })
}
