/** `${NAME}` and `${file:PATH}` inside a value; `$${` is a literal `${`. */
import { resolve } from 'node:path'
import { fileFault } from './formats.ts'

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths start from. */
  readonly folder: string
  /** @throws Error when the file can't be read */
  readonly readFile: (path: string) => string
}

export interface Interpolated {
  readonly text: string
  /** The references as written: `${NAME}`. */
  readonly references: readonly string[]
  /** What is wrong, in words that stand alone. No part of the text but names of variables and files. */
  readonly faults: readonly string[]
}

const reference = /\$\$\{|\$\{(?:file:([^}]+)|([A-Za-z_][A-Za-z0-9_]*))\}|\$\{/g

/** What a value brings in is not looked at again: a `${` in an environment variable stays as it is. */
export function interpolate(text: string, surroundings: Surroundings): Interpolated {
  if (!text.includes('${')) return { text, references: [], faults: [] }
  const references: string[] = []
  const faults: string[] = []
  const result = text.replace(reference, (whole, path: string | undefined, name: string | undefined) => {
    if (whole === '$${') return '${'
    if (path === undefined && name === undefined) {
      faults.push(`takes \${NAME} or \${file:PATH}, complete; a literal \${ is written $\${`)
      return ''
    }
    references.push(whole)
    const found = name === undefined ? contentOf(path ?? '', surroundings) : variable(name, surroundings)
    if ('fault' in found) {
      faults.push(found.fault)
      return ''
    }
    return found.value
  })
  return { text: result, references, faults }
}

type Found = { readonly value: string } | { readonly fault: string }

function variable(name: string, { env }: Surroundings): Found {
  const value = env[name]
  if (value === undefined) {
    // Without a file of the configuration NAME_FILE would do; whoever writes one now is used to that.
    const isInFile = env[`${name}_FILE`] !== undefined
    const hint = isInFile ? `, but ${name}_FILE is: in a file write \${file:PATH} with that path` : ''
    return { fault: `the environment variable ${name} is not set${hint}` }
  }
  if (value === '') return { fault: `the environment variable ${name} is empty` }
  return { value }
}

function contentOf(path: string, { folder, readFile }: Surroundings): Found {
  try {
    const value = withoutLastNewline(readFile(resolve(folder, path)))
    return value === '' ? { fault: `the file ${path} is empty` } : { value }
  } catch (error) {
    return { fault: `the file ${path} could not be read: ${fileFault(error)}` }
  }
}

/** Editors and `echo` end a file with a newline that is no part of a secret. */
export function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, '')
}
