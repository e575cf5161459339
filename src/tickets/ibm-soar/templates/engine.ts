/**
 * MiniJinja, kept in bounds. A template can come from anyone who may preview one, so it sees the values it is given
 * and nothing else, and every way to run on or to take memory ends in an error: steps, time, memory, and the sizes
 * of what goes in and comes out are limited. After an error nothing of the engine that met it is used again.
 */
import type { Environment } from 'minijinja-js'
import { pythonStr } from '../../../model/python-text.ts'
import { boundedMiniJinja, type MiniJinjaInstance } from './bounded-minijinja.ts'
import { type Filter, type FilterSources, filtersOver } from './filters.ts'
import {
  defaultTemplateLimits,
  isOrdinary,
  problemOf,
  type TemplateLimits,
  timeLimit,
  tooMuchText,
} from './limits.ts'
import { isNamedArguments } from './named-arguments.ts'
import { jsonValue, plainValue, type TemplateContext } from './plain.ts'
import { engineExpression, engineSource, filtersOf, type Segment } from './scan.ts'
import { TemplateError, type TemplateProblem } from './template-error.ts'
import { insideJson } from './text-filters.ts'

/** How the outputs of a text are written: one of `outputFilters` for each segment. */
export type OutputSpelling = (segments: readonly Segment[]) => readonly string[]

/** As jinja2 writes them, but nothing for None. */
export const asText: OutputSpelling = (segments) => segments.map(() => outputFilters.text)

/** One template being rendered. */
export interface TemplateRun {
  /** The place that an error from now on belongs to: JSON pointer of a leaf. */
  at(path: string): void
  renderText(source: string, spelling?: OutputSpelling): string
  /** @returns a JSON value; undefined for what is undefined or None, also inside of an object or a list: there it is left out */
  evaluate(expression: string): unknown
}

export interface TemplateEngine {
  /** All that `work` renders shares one time limit and one context. @throws TemplateError that names the template */
  render<T>(name: string, context: TemplateContext, work: (run: TemplateRun) => T): T
  /** @throws TemplateError */
  renderText(source: string, context: TemplateContext, name?: string): string
  /** @throws TemplateError */
  evaluate(expression: string, context: TemplateContext, name?: string): unknown
  /** What is wrong with a text as far as it can be told without rendering it: syntax, unknown filters. */
  problemsOf(source: string): TemplateProblem[]
}

export interface TemplateEngineOptions extends FilterSources {
  readonly limits?: Partial<TemplateLimits>
  /** Whether `timeMs` holds, which costs half a millisecond each time; default true. Only for templates of our own: false. */
  readonly watched?: boolean
}

/** What an output goes through; the names are not meant for templates. */
export const outputFilters = {
  text: '_text',
  /** Between the quotation marks of a JSON text. */
  insideJson: '_inside_json',
  /** A JSON value of its own; `absentMark` where it is absent. */
  jsonValue: '_json_value',
} as const

/** Stands in JSON for a member that is absent. No ticket holds it: it is no well-formed text. */
export const absentMark = '\udfff absent \ud800'

/** Filters of MiniJinja 2.11 that are used as they are. */
export const engineFilters: readonly string[] =
  'abs attr batch bool capitalize chain dictsort filesizeformat float groupby indent int items join lines list lower map max min pluralize pprint reject rejectattr replace reverse round safe select selectattr slice sort split string striptags sum title trim truncate unique upper'.split(
    ' ',
  )

/** A template without a name that ends in .html is not escaped for HTML. */
const templateName = 'template.txt'

/**
 * Reads and compiles MiniJinja (about 5 ms, 2 MB); nothing before the first call does.
 */
export function openTemplateEngine(options: TemplateEngineOptions): TemplateEngine {
  const limits = { ...defaultTemplateLimits, ...options.limits }
  const newInstance = boundedMiniJinja(limits.memoryBytes)
  const filters = filtersOver(options)
  const known = new Set([...filters.keys(), ...engineFilters])
  const inTime = options.watched === false ? unwatched : timeLimit(limits.timeMs)
  let instance: MiniJinjaInstance | undefined

  function environment(fails: (message: string) => void): Environment {
    instance ??= newInstance()
    const made = new instance.Environment()
    made.fuel = limits.steps
    made.undefinedBehavior = 'chainable'
    made.enablePyCompat()
    for (const [name, filter] of filters) {
      const guarded = neverThrowing(name, filter, limits, fails)
      made.addFilter(name, guarded)
      if (!engineFunctions.has(name)) made.addGlobal(name, guarded)
    }
    for (const [name, filter] of outputSpellings)
      made.addFilter(name, neverThrowing(name, filter, limits, fails))
    return made
  }

  function attempt<T>(name: string, work: (environment: Environment, place: Place) => T): T {
    const place: Place = { path: undefined }
    const problemHere = (problem: TemplateProblem): TemplateProblem =>
      place.path === undefined ? problem : { ...problem, path: place.path }
    const failures: TemplateProblem[] = []
    const made = environment((message) => {
      if (failures.length < mostProblems) failures.push(problemHere({ message }))
    })
    let result: T
    try {
      result = inTime(() => work(made, place))
    } catch (error) {
      if (error instanceof TemplateError) {
        made.free()
        throw error
      }
      if (isOrdinary(error)) made.free()
      else instance = undefined
      const problems = failures.length > 0 ? failures : [problemHere(problemOf(error, limits))]
      throw new TemplateError(name, problems, { cause: error })
    }
    made.free()
    if (instance !== undefined && instance.memoryBytes() > limits.memoryBytes / 2) instance = undefined
    if (failures.length > 0) throw new TemplateError(name, failures)
    return result
  }

  function render<T>(name: string, context: TemplateContext, work: (run: TemplateRun) => T): T {
    return attempt(name, (made, place) => {
      for (const [member, value] of Object.entries(context)) {
        if (value !== undefined) made.addGlobal(member, value)
      }
      return work({
        at: (path) => {
          place.path = path
        },
        renderText: (source, spelling = asText) => {
          const text = made.renderNamedStr(templateName, engineSource(source, spelling), {})
          if (text.length > limits.outputLength) throw new Error(tooMuchText(limits))
          return text
        },
        evaluate: (expression) => jsonValue(plainValue(made.evalExpr(engineExpression(expression), {}))),
      })
    })
  }

  return {
    render,
    renderText: (source, context, name = 'text') => render(name, context, (run) => run.renderText(source)),
    evaluate: (expression, context, name = 'expression') =>
      render(name, context, (run) => run.evaluate(expression)),
    problemsOf: (source) => {
      if (source.length > limits.sourceLength)
        return [{ message: `it has ${source.length} characters; it may have up to ${limits.sourceLength}` }]
      try {
        attempt('', (made) => {
          // As it is written first: the brackets that are put around an output can hide what is wrong in it.
          made.addTemplate(templateName, source)
          made.addTemplate(templateName, engineSource(source, asText))
        })
      } catch (error) {
        if (error instanceof TemplateError) return [...error.problems]
        throw error
      }
      return filtersOf(source).flatMap(({ name, line }) =>
        known.has(name) ? [] : [{ message: `there is no filter ${JSON.stringify(name)}`, line }],
      )
    },
  }
}

function unwatched<T>(work: () => T): T {
  return work()
}

/** Failures of filters that are told: one in a loop fails each time. */
const mostProblems = 10

interface Place {
  path: string | undefined
}

/** Functions of the engine that filters of the same name must not take the place of. */
const engineFunctions: ReadonlySet<string> = new Set([
  'range',
  'dict',
  'debug',
  'namespace',
  'cycler',
  'joiner',
])

const outputSpellings: readonly (readonly [name: string, filter: Filter])[] = [
  [outputFilters.text, (value) => textOf(value)],
  [outputFilters.insideJson, (value) => insideJson(textOf(value))],
  [outputFilters.jsonValue, (value) => (value === undefined ? JSON.stringify(absentMark) : textOf(value))],
]

function textOf(value: unknown): string {
  return value === undefined ? '' : pythonStr(value)
}

/**
 * A filter that throws breaks the engine. So it gives nothing instead, and the failure is told once the template has
 * ended.
 */
function neverThrowing(
  name: string,
  filter: Filter,
  limits: TemplateLimits,
  fails: (message: string) => void,
) {
  return (...received: readonly unknown[]): unknown => {
    try {
      const [value, ...others] = received.map(plainValue)
      const hasNamed = received.length > 1 && isNamedArguments(received.at(-1), name, value)
      const named = hasNamed ? (others.pop() as Readonly<Record<string, unknown>>) : {}
      const result = filter(value, others, named)
      if (typeof result === 'string' && result.length > limits.outputLength)
        throw new Error(tooMuchText(limits))
      return result
    } catch (error) {
      fails(`filter ${name}: ${error instanceof Error ? error.message : String(error)}`)
      return ''
    }
  }
}
