/** Options of a push as a command line has them: `name=value`. */
import type { TSchema } from 'typebox'
import type { ExporterDefinition } from '../exporters/exporter.ts'
import { CommandError } from './failure.ts'

/**
 * Numbers and switches are read where the exporter takes them; whether it takes the value is for the push to say.
 * @throws CommandError for what is no `name=value`, or names no option
 */
export function pushOptions(
  given: readonly string[],
  exporter: string,
  { options }: Pick<ExporterDefinition, 'options'>,
): Readonly<Record<string, unknown>> {
  const properties: Readonly<Record<string, TSchema>> = options.properties
  const known = Object.keys(properties)
  const read = given.map((text): [string, unknown] => {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    if (name === '') throw new CommandError(`--option takes name=value; received "${text}"`, 2)
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (schema !== undefined) return [name, readValue(value, schema)]
    const takes = known.length === 0 ? 'takes no options' : `takes ${known.join(', ')}`
    throw new CommandError(`--option ${name}: ${exporter} ${takes}`, 2)
  })
  return Object.fromEntries(read)
}

function readValue(text: string, schema: TSchema & { readonly type?: unknown }): unknown {
  if (schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  const isNumber = schema.type === 'integer' || schema.type === 'number'
  return isNumber && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}
