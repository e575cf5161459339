/** What is wrong with a configuration, and where. */

/** A place in the file (line and column count from 1), or the environment variable that gave the value. */
export type Place = { readonly line: number; readonly column: number } | { readonly variable: string }

/** No message ever holds a secret. */
export interface ConfigProblem {
  /** As the user named it; absent where there is none, or where an environment variable is at fault. */
  readonly file?: string
  readonly line?: number
  readonly column?: number
  /** The environment variable at fault. */
  readonly variable?: string
  /** `sources[0].settings.baseUrl`; empty for the file as a whole. */
  readonly path: string
  /** What it takes and what was received; names the variable where there is one. */
  readonly message: string
}

export function problemAt(
  file: string | undefined,
  place: Place | undefined,
  path: string,
  message: string,
): ConfigProblem {
  if (place !== undefined && 'variable' in place) {
    return { variable: place.variable, path, message: `${place.variable} ${message}` }
  }
  return { ...(file !== undefined && { file }), ...place, path, message }
}

/** `feed-server.yaml:12:7: sources[0].every: takes …`. */
export function formatProblem(problem: ConfigProblem): string {
  const { file, line, column, path, message, variable } = problem
  if (variable !== undefined) return message
  const position = line === undefined ? file : `${file ?? ''}:${line}:${column}`
  return [position, path, message].filter((part) => part !== undefined && part !== '').join(': ')
}

/** In the order of the file; what has no line comes first, what the environment gave last. */
export function inFileOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const line = (problem: ConfigProblem) =>
    problem.variable !== undefined ? Number.POSITIVE_INFINITY : (problem.line ?? 0)
  return problems.toSorted((a, b) => {
    if (line(a) !== line(b)) return line(a) < line(b) ? -1 : 1
    return (a.column ?? 0) - (b.column ?? 0)
  })
}
