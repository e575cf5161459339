/** The version of the package. */
import { readFileSync } from 'node:fs'

/** Of the package, whether it runs as source or compiled. */
export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}
