/** The options of a command as the arguments of the HTTP API: read and checked by the same rules. */
import type { FastifyRequest } from 'fastify'
import { type TcGetIndicatorsArguments, tcGetIndicatorsArguments } from '../commands/arguments.ts'
import { ServiceError } from '../errors.ts'
import { argumentReaders } from '../http/arguments.ts'
import { CommandError } from './terminal.ts'

/** @param options as commander gives them: `tqlQuery` for `tql_query` @throws CommandError, exit code 2 */
export function indicatorArguments(options: Readonly<Record<string, unknown>>): TcGetIndicatorsArguments {
  const given = Object.keys(tcGetIndicatorsArguments.properties).flatMap((name) => {
    const value = options[camelCase(name)]
    return value === undefined ? [] : [[name, value]]
  })
  const request = { body: Object.fromEntries(given), url: '/' } as unknown as FastifyRequest
  try {
    argumentReaders().reader({ body: tcGetIndicatorsArguments }, { lenientBody: true }, {})(request)
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    throw new CommandError(error.errors.map(({ detail }) => optionNames(detail)).join('\n'), 2)
  }
  return request.body as TcGetIndicatorsArguments
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function optionNames(detail: string): string {
  return `--${detail.replace(/^[a-z_]+/, (name) => name.replaceAll('_', '-'))}`
}
