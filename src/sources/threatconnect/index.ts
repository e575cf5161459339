/** ThreatConnect v3 as a source. */
import type { ConnectorContext } from '../../connector.ts'
import type { Source, SourceDefinition, SourceOptions } from '../source.ts'
import { ThreatConnectChanges } from './changes.ts'
import { checkThreatConnect } from './check.ts'
import { type Credentials, ThreatConnectClient } from './client.ts'
import { ThreatConnectLive } from './live.ts'
import { type ThreatConnectSettings, threatconnectSettings } from './settings.ts'
import { allOf, filterClauses, userClause } from './tql.ts'
import { service } from './wire.ts'

export const threatconnect: SourceDefinition<ThreatConnectSettings> = {
  kind: service,
  title: 'ThreatConnect v3',
  settings: threatconnectSettings,
  credentials: ['accessId', 'secretKey', 'token'],
  create: createThreatConnect,
}

function createThreatConnect(
  settings: ThreatConnectSettings,
  options: SourceOptions,
  context: ConnectorContext,
): Source {
  const credentials = credentialsOf(settings)
  const http = context.connect(settings.baseUrl)
  const client = new ThreatConnectClient(http, settings.baseUrl, credentials, context.now)
  const changes = new ThreatConnectChanges({ client, settings, options, context })
  return {
    changes: (cursor, signal) => changes.since(cursor, signal),
    live: new ThreatConnectLive(client, settings, options),
    check(signal) {
      const tql = () => allOf([...filterClauses(settings), ...userClause(settings.tql)])
      return checkThreatConnect(
        { client, owners: settings.owners, tql, usesToken: 'token' in credentials },
        signal,
      )
    },
  }
}

function credentialsOf({ accessId, secretKey, token }: ThreatConnectSettings): Credentials {
  if (token !== undefined) return { token }
  if (accessId !== undefined && secretKey !== undefined) return { accessId, secretKey }
  throw new TypeError('a ThreatConnect source takes accessId and secretKey, or token')
}
