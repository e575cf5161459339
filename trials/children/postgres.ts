/**
 * A PostgreSQL that several servers share, in a folder of its own; it ends with this process, whatever ends that.
 *
 *   postgres.ts FOLDER SETTINGS [BINARIES]     SETTINGS: JSON; BINARIES: an installed PostgreSQL instead of the packaged one
 */
import { pino } from 'pino'
import { startEmbedded } from '../../src/store/embedded/start.ts'

const [folder = '', settings = '{}', binaries] = process.argv.slice(2)
const postgres = await startEmbedded({
  ...{ folder, log: pino({ level: 'silent' }), settings: JSON.parse(settings) as Record<string, string> },
  ...(binaries !== undefined && { binaries }),
})
const { host, user, database } = postgres.connection
// Whom it belongs to keeps it alive by that.
process.on('message', () => {})
process.once('SIGTERM', () => {
  postgres.stop().then(() => process.exit())
})
console.log(`listening on postgres://${user}@localhost/${database}?host=${encodeURIComponent(host)}`)
