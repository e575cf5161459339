/** The words of an error: what a field takes, and what was received instead. */
import { didYouMean } from '../did-you-mean.ts'
import { formats } from './formats.ts'
import type { Located } from './located.ts'
import type { SchemaView } from './schema-types.ts'

/** To stand after "takes". */
export function takes(schema: SchemaView): string {
  if (schema['x-takes'] !== undefined) return schema['x-takes']
  if (schema['x-list']) return 'a list, or one comma-separated text'
  if (schema['x-format'] !== undefined) return formats[schema['x-format']].takes(schema)
  if (schema.enum !== undefined) return `${schema.enum.length > 1 ? 'one of ' : ''}${schema.enum.join(', ')}`
  if (schema.anyOf !== undefined && schema.type === undefined) {
    return schema.anyOf
      .filter((branch) => branch.type !== 'null')
      .map(takes)
      .join(', or ')
  }
  switch (schema.type) {
    case 'integer':
      return `an integer${range(schema)}`
    case 'number':
      return `a number${range(schema)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return mapWith(schema)
    default:
      return schema.minLength === undefined ? 'a text' : 'a text that is not empty'
  }
}

function mapWith({ properties = {}, required = [] }: SchemaView): string {
  const musts = required.filter((key) => {
    const { default: fallback, 'x-default-of-kind': ofKind, type, 'x-kinds': kinds } = properties[key] ?? {}
    return fallback === undefined && ofKind === undefined && (type !== 'object' || kinds !== undefined)
  })
  return musts.length === 0 ? 'a map' : `a map with ${musts.join(', ')}`
}

function range({ minimum, maximum }: SchemaView): string {
  if (minimum !== undefined && maximum !== undefined) return ` of ${minimum}..${maximum}`
  return minimum === undefined ? '' : `, ${minimum} or more`
}

/**
 * To stand after "received". Shows neither secrets nor what came from outside the file: a secret may have gone into
 * the wrong field.
 */
export function received(node: Located, schema: SchemaView): string {
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'map') return 'a map'
  if (node.kind === 'unreadable' || node.value === null) return 'nothing'
  if (node.references.length > 0) return `the value of ${node.references.join(' and ')}, which is not shown`
  const { value } = node
  if (typeof value === 'string') return receivedText(value, schema)
  const hint = takesPlainText(schema) ? '; put it into quotes' : ''
  if (schema['x-secret']) return `a ${typeof value} that is not shown${hint}`
  return (node.source ?? String(value)) + hint
}

/** Looks like an address with a password in it, wherever it stands: it must be in no message. */
export function holdsCredentials(text: string): boolean {
  const start = text.indexOf('://')
  return (start >= 0 && text.includes('@', start)) || /password=/i.test(text)
}

function receivedText(text: string, schema: SchemaView): string {
  if (text === '') return 'an empty text'
  if (schema['x-secret'] || schema['x-unshown']) return 'a text that is not shown'
  if (schema.type === 'object' || schema.type === 'array') return 'a text'
  if (holdsCredentials(text)) return 'an address with credentials, which is not shown'
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text)
}

/** YAML reads 145234 as a number and yes-like words as booleans, although a text was meant. */
function takesPlainText(schema: SchemaView): boolean {
  if (schema['x-list']) return true
  return schema.type === 'string' && schema.enum === undefined && schema['x-format'] === undefined
}

/** `; did you mean "x"?`, or nothing. */
export function guess(typed: string, known: readonly string[]): string {
  const word = didYouMean(typed, known)
  return word === undefined ? '' : `; did you mean "${word}"?`
}
