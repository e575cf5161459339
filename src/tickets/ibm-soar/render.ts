/** The templates of a sink: read when they are used, so that a mended file needs no restart. */
import type { Ticket } from '../../model/ticket.ts'
import { isObject } from '../../upstream/json.ts'
import { type TemplateKind, templateKinds } from '../incident-sink.ts'
import { Refused } from '../refused.ts'
import type { IbmSoarSettings } from './settings.ts'
import { defaultTemplates } from './templates/defaults.ts'
import { openTemplateEngine, type TemplateEngine } from './templates/engine.ts'
import { type TemplateContext, ticketContext } from './templates/plain.ts'
import {
  compileTemplate,
  readTemplate,
  type Template,
  type TemplateSource,
  templateOfSource,
} from './templates/template.ts'
import { TemplateError } from './templates/template-error.ts'
import type { Json } from './wire.ts'

/** Those that give the fields of an incident; the others give a text. */
export type FieldsKind = 'escalate' | 'update' | 'close'
export type TextKind = 'note' | 'comment'

export interface Templates {
  /** @throws Refused */
  fields(kind: FieldsKind, ticket: Ticket, extras: TemplateContext): Json
  /** @throws Refused */
  text(kind: TextKind, ticket: Ticket, extras: TemplateContext): string
  /** With a template that is not configured, but given. @throws TemplateError */
  given(kind: TemplateKind, source: unknown): Templates
  /** @throws TemplateError for what can not be read, or what the reading of a file throws */
  prove(kind: TemplateKind): void
}

interface Surroundings {
  readonly settings: IbmSoarSettings['templates']
  readFile(path: string): string
  now(): number
}

interface Compiled {
  /** All that its author wrote. */
  readonly text: string
  readonly template: Template
}

/**
 * The members that a template can name: with all its worklogs a ticket costs much on its way into each of its notes.
 * @param text of the template as JSON: a name may stand behind the letter of an escaped line end
 */
function seenBy(text: string, raw: Ticket['raw']): TemplateContext {
  if (/ticket(?!\w)/.test(text)) return raw
  return Object.fromEntries(Object.entries(raw).filter(([name]) => text.includes(name)))
}

export function isTextKind(kind: TemplateKind): kind is TextKind {
  return kind === 'note' || kind === 'comment'
}

export function soarTemplates({ settings, readFile, now }: Surroundings): Templates {
  let engine: TemplateEngine | undefined
  /** Our own templates are not watched: what they cost is known. */
  let ourEngine: TemplateEngine | undefined
  const compiled = new Map<TemplateKind, Compiled>()

  const open = () => {
    engine ??= openTemplateEngine({ random: Math.random, now })
    return engine
  }
  const openOurs = () => {
    ourEngine ??= openTemplateEngine({ random: Math.random, now, watched: false })
    return ourEngine
  }
  const compile = (source: TemplateSource, text = JSON.stringify(source)): Compiled => ({
    text,
    template: compileTemplate(isOurs(source) ? openOurs() : open(), source),
  })
  const configured = (kind: TemplateKind): Compiled => {
    const source = sourceOf(kind, settings[kind], readFile)
    const text = JSON.stringify(source)
    const known = compiled.get(kind)
    if (known?.text === text) return known
    const fresh = compile(source, text)
    compiled.set(kind, fresh)
    return fresh
  }
  const render = ({ text, template }: Compiled, ticket: Ticket, extras: TemplateContext): unknown => {
    const raw = { ...ticket.raw, ticketId: ticket.raw.ticketId ?? ticket.id }
    return storable(template.render(ticketContext(seenBy(text, raw), { now: now(), ...extras })))
  }
  const templatesOf = (templateOf: (kind: TemplateKind) => Compiled): Templates => ({
    fields: (kind, ticket, extras) =>
      refusing(kind, () => {
        const rendered = render(templateOf(kind), ticket, extras)
        if (isObject(rendered)) return rendered
        throw new TemplateError(kind, [{ message: 'it gives no object of fields' }])
      }),
    text: (kind, ticket, extras) =>
      refusing(kind, () => {
        const rendered = render(templateOf(kind), ticket, extras) ?? ''
        if (typeof rendered === 'object')
          throw new TemplateError(kind, [{ message: 'it gives an object, where a text is wanted' }])
        return String(rendered)
      }),
    prove: (kind) => void templateOf(kind),
    given(kind, source) {
      const given = compile(givenSource(kind, source))
      return templatesOf((other) => (other === kind ? given : templateOf(other)))
    },
  })
  return templatesOf(configured)
}

function isOurs(source: TemplateSource): boolean {
  return Object.values<TemplateSource>(defaultTemplates).includes(source)
}

function sourceOf(kind: TemplateKind, setting: unknown, readFile: (path: string) => string): TemplateSource {
  const otherwise = defaultTemplates[kind]
  if (!isTextKind(kind)) return readTemplate(setting, otherwise, readFile)
  if (typeof setting !== 'string') return otherwise
  return { kind: 'leaf', value: readFile(setting), name: `${kind} (${setting})` }
}

/** A text of a note or comment is what it is; of the others it may be a file's content. @throws TemplateError */
function givenSource(kind: TemplateKind, source: unknown): TemplateSource {
  if (!isTextKind(kind)) return templateOfSource(source, kind)
  if (typeof source === 'string') return { kind: 'leaf', value: source, name: kind }
  throw new TemplateError(kind, [{ message: 'it is a text, not an object' }])
}

/** @throws Refused for what `work` fails with: a template, or the file that it is in */
function refusing<T>(kind: TemplateKind, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof TemplateError) throw new Refused(error.message, { cause: error })
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      throw new Refused(`template ${kind}: its file can not be read (${error.code})`, { cause: error })
    throw error
  }
}

/** SOAR's database and ours keep no NUL and no half of a surrogate pair; both are seen in what is written instead. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd').toWellFormed()
  if (Array.isArray(value)) return value.map(storable)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, storable(member)]))
}

/** What is wrong with the configured templates, each with the setting's path. */
export function templateProblems(
  settings: IbmSoarSettings['templates'],
  readFile: (path: string) => string,
): readonly { readonly path: string; readonly detail: string }[] {
  // Nothing is rendered, so that no time is asked for.
  const templates = soarTemplates({ settings, readFile, now: () => 0 })
  return templateKinds.flatMap((kind) => {
    try {
      if (settings[kind] !== undefined) templates.prove(kind)
      return []
    } catch (error) {
      const path = `templates.${kind}`
      if (error instanceof TemplateError) {
        return error.problems.map((problem) => ({
          path,
          detail: new TemplateError(error.template, [problem]).message,
        }))
      }
      if (!(error instanceof Error)) throw error
      return [{ path, detail: error.message }]
    }
  })
}
