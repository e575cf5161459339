/** What is wrong with a template, in words for the one who wrote it. */

export interface TemplateProblem {
  readonly message: string
  /** JSON pointer of the text in a leaf template; absent for a legacy text. */
  readonly path?: string
  /** Counted from 1, in the file or, with a `path`, in that text. */
  readonly line?: number
}

/** A message of thousands helps nobody. */
const mostTold = 20

/** A template that can not be read, or not be rendered with a ticket. The message names the template and the place. */
export class TemplateError extends Error {
  readonly template: string
  readonly problems: readonly TemplateProblem[]

  constructor(template: string, problems: readonly TemplateProblem[], options?: ErrorOptions) {
    const texts = [...new Set(problems.map(problemText))].slice(0, mostTold)
    super(`template ${template}: ${texts.join('; ')}`, options)
    this.name = 'TemplateError'
    this.template = template
    this.problems = problems
  }

  /** Of the first problem. */
  get line(): number | undefined {
    return this.problems[0]?.line
  }
}

function problemText({ message, path, line }: TemplateProblem): string {
  const place = [
    path === undefined ? [] : [path === '' ? 'at its root' : `at ${path}`],
    line === undefined ? [] : [`line ${line}`],
  ].flat()
  return place.length === 0 ? message : `${place.join(', ')}: ${message}`
}
