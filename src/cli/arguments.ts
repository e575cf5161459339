/** The options of a command as the arguments of the HTTP API: read and checked by the same rules. */
import type { FastifyRequest } from 'fastify'
import { type TcGetIndicatorsArguments, tcGetIndicatorsArguments } from '../commands/arguments.ts'
import { argumentReaders } from '../http/arguments.ts'

/** @param options as commander gives them: `tqlQuery` for `tql_query` @throws ServiceError ARGUMENT_INVALID */
export function indicatorArguments(options: Readonly<Record<string, unknown>>): TcGetIndicatorsArguments {
  const given = Object.keys(tcGetIndicatorsArguments.properties).flatMap((name) => {
    const value = options[camelCase(name)]
    return value === undefined ? [] : [[name, value]]
  })
  const request = { body: Object.fromEntries(given), url: '/' } as unknown as FastifyRequest
  argumentReaders().reader({ body: tcGetIndicatorsArguments }, { lenientBody: true }, {})(request)
  return request.body as TcGetIndicatorsArguments
}

/**
 * For options that take a list: comma-separated, repeated, or both; `\,` is a comma of a name. A list without any
 * name stays an empty text, which is refused: it would ask for everything.
 */
export function addToList(text: string, before: readonly string[] | '' = []): readonly string[] | '' {
  const names = text
    .split(/(?<!\\),/)
    .map((name) => name.replaceAll('\\,', ',').trim())
    .filter((name) => name !== '')
  return names.length === 0 || before === '' ? '' : [...before, ...names]
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
