/**
 * Legacy mode: the text of a template of the public app. As there, the whole text is rendered, control characters
 * become blanks, and the outcome is read as JSON. Where a ticket's data makes that no JSON, or brings members of its
 * own into it, the public app fails for ever or takes them; here the outcome is of a more careful rendering:
 *
 * 1. Outputs inside of quotation marks are written as JSON text, unless they end in `js`, `json` or `tojson`; a member
 *    whose value is absent (`"start_date": {{ dateCreated }},`) is left out.
 * 2. Where even that is no JSON, every text of the ticket is escaped before it is rendered, for templates whose
 *    quotation marks come from conditions or loops. Filters then see the escaped texts.
 */
import { absentMark, asText, type OutputSpelling, outputFilters, type TemplateEngine } from './engine.ts'
import { notJsonFrom } from './json-position.ts'
import { type TemplateContext, withTexts } from './plain.ts'
import type { Segment } from './scan.ts'
import { TemplateError, type TemplateProblem } from './template-error.ts'
import { insideJson } from './text-filters.ts'

export interface LegacyRendering {
  readonly value: Readonly<Record<string, unknown>>
  /** The ticket's data had to be escaped for the outcome to be JSON. */
  readonly escaped: boolean
}

/** @throws TemplateError that names every place that can not be read */
export function compileLegacy(
  engine: TemplateEngine,
  text: string,
  name: string,
): (context: TemplateContext) => LegacyRendering {
  const problems = engine.problemsOf(text)
  if (problems.length > 0) throw new TemplateError(name, problems)
  const rendered = (context: TemplateContext, spelling: OutputSpelling) =>
    engine.render(name, context, (run) => run.renderText(text, spelling))
  return (context) => {
    const plain = rendered(context, asText)
    const value = jsonObject(plain)
    const carefulText = rendered(context, jsonSpelling)
    const careful = jsonObject(carefulText)
    if (value !== undefined && (careful === undefined || skeletonOf(plain) === skeletonOf(carefulText)))
      return { value, escaped: false }
    const escaped =
      careful === undefined
        ? jsonObject(rendered(withTexts(context, insideJson) as TemplateContext, asText))
        : (withoutAbsent(careful) as LegacyRendering['value'])
    if (escaped !== undefined) return { value: escaped, escaped: true }
    throw new TemplateError(name, [notJson(plain)])
  }
}

/** A JSON text without what stands in its strings: data that closes a quotation mark adds some. */
function skeletonOf(json: string): string {
  return json.replace(/"(?:[^"\\]|\\(?:.|$))*(?:"|$)/gs, '"').replace(/\s/g, '')
}

/** How each output is written for its place in the JSON text around it; by index, texts and blocks included. */
function jsonSpelling(segments: readonly Segment[]): string[] {
  let inString = false
  return segments.map(({ kind, inner }, index) => {
    if (kind === 'text') inString = endsInString(inner, inString)
    if (inString)
      return /\|\s*(?:js|json|tojson)\s*(?:\([^()]*\)\s*)?$/.test(inner)
        ? outputFilters.text
        : outputFilters.insideJson
    const [previous, next] = [segments[index - 1], segments[index + 1]]
    const isMember =
      previous?.kind === 'text' &&
      /:\s*$/.test(previous.inner) &&
      next?.kind === 'text' &&
      /^\s*[,}]/.test(next.inner)
    return isMember ? outputFilters.jsonValue : outputFilters.text
  })
}

/** Whether a string is open behind a part of a JSON text, in front of which one was, or was not. */
function endsInString(part: string, wasInString: boolean): boolean {
  const quotes = part.replace(/\\./gs, '').split('"').length - 1
  return (quotes % 2 === 1) !== wasInString
}

function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      member === absentMark ? [] : [[key, withoutAbsent(member)]],
    ),
  )
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  let value: unknown
  try {
    value = JSON.parse(text.replace(controls, ' '))
  } catch {
    return undefined
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

/** What the public app replaces by blanks: 1 to 31. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
const controls = /[\x01-\x1f]/g

const excerptLength = 40

/** Where the rendered text stops being JSON. */
function notJson(text: string): TemplateProblem {
  const position = notJsonFrom(text.replace(controls, ' '))
  if (position === undefined) return { message: 'what it renders is JSON, but not a JSON object' }
  const lines = text.slice(0, position).split('\n')
  const before = text.slice(Math.max(0, position - excerptLength), position).trimStart()
  const at = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`
  return {
    message: `what it renders is not JSON from ${at} of the result on, behind ${JSON.stringify(before)}`,
  }
}
