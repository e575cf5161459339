/** Which exporters a key may push to: of these alone it sees exports. */
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { grants } from '../auth.ts'

/** @returns those of the names that the key may push to @throws ServiceError SCOPE_MISSING for a key without any such right */
export function pushable(request: FastifyRequest, names: readonly string[]): readonly string[] {
  const found = names.filter((name) => grants(request.scopes, `push:${name}`))
  if (found.length === 0 && !request.scopes.some((scope) => scope === 'admin' || scope.startsWith('push:'))) {
    throw lacking(request, 'push:EXPORTER')
  }
  return found
}

/** @throws ServiceError SCOPE_MISSING */
export function requirePush(request: FastifyRequest, exporter: string): void {
  if (!grants(request.scopes, `push:${exporter}`)) throw lacking(request, `push:${exporter}`)
}

function lacking(request: FastifyRequest, scope: string): ServiceError {
  return new ServiceError('SCOPE_MISSING', `the API key "${request.key}" needs the scope "${scope}"`)
}
