/**
 * Leaf mode: the template is a JSON or YAML value, and each text in it is a template of its own. Data can't break
 * the shape, because nothing is put together as text.
 *
 * - A text that is exactly one `{{ expression }}` becomes the expression's value with its type: a number stays one.
 * - What is undefined or None is left out with its key. An object or list that had members and loses all of them is
 *   left out as well, so `severity_code: { name: "{{ … }}" }` leaves no empty object behind; one that is written
 *   empty stays. The outermost object always stays.
 * - Every other text is rendered as a text; without marks it stays as it is. Keys are never templates.
 */

import type { TemplateEngine, TemplateRun } from './engine.ts'
import type { TemplateContext } from './plain.ts'
import { isTemplate, onlyExpression } from './scan.ts'
import { TemplateError, type TemplateProblem } from './template-error.ts'

/** A compiled value: what it becomes in a run; undefined where it is left out. */
type Leaf = (run: TemplateRun) => unknown

/** @throws TemplateError that names every text that can not be read */
export function compileLeaf(
  engine: TemplateEngine,
  value: unknown,
  name: string,
): (context: TemplateContext) => unknown {
  const count = textsIn(value)
  if (count > mostTexts)
    throw new TemplateError(name, [{ message: `it has ${count} texts; it may have up to ${mostTexts}` }])
  const problems: TemplateProblem[] = []
  const compiled = compile(engine, value, '', problems)
  if (problems.length > 0) throw new TemplateError(name, problems)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return (context) => engine.render(name, context, compiled) ?? (isObject ? {} : undefined)
}

/** Each takes a fraction of a millisecond to be read, which no limit of the engine counts. */
const mostTexts = 2000

function textsIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, member) => sum + textsIn(member), 0)
}

function compile(engine: TemplateEngine, value: unknown, path: string, problems: TemplateProblem[]): Leaf {
  if (typeof value === 'string') return compileText(engine, value, path, problems)
  if (Array.isArray(value)) {
    const items = value.map((item, index) => compile(engine, item, `${path}/${index}`, problems))
    return (run) => {
      const present = items.map((item) => item(run)).filter((item) => item !== undefined)
      return present.length === 0 && items.length > 0 ? undefined : present
    }
  }
  if (typeof value !== 'object' || value === null) return () => value ?? undefined
  const members = Object.entries(value).map(
    ([key, member]) => [key, compile(engine, member, `${path}/${pointerPart(key)}`, problems)] as const,
  )
  return (run) => {
    const present = members.flatMap(([key, member]) => {
      const rendered = member(run)
      return rendered === undefined ? [] : [[key, rendered] as const]
    })
    return present.length === 0 && members.length > 0 ? undefined : Object.fromEntries(present)
  }
}

function compileText(engine: TemplateEngine, text: string, path: string, problems: TemplateProblem[]): Leaf {
  if (!isTemplate(text)) return () => text
  const found = engine.problemsOf(text)
  problems.push(...found.map((problem) => ({ ...problem, path })))
  const expression = onlyExpression(text)
  return (run) => {
    run.at(path)
    return expression === undefined ? run.renderText(text) : run.evaluate(expression)
  }
}

/** RFC 6901. */
function pointerPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
