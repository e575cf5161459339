/** The configuration of the server whose dashboard is tested. */
import { sourceEntry } from '../app.ts'

export const secrets: Readonly<Record<'admin' | 'reader' | 'edge' | 'push', string>> = {
  admin: 'dashboard-admin-key-0001',
  reader: 'dashboard-reader-key-0001',
  edge: 'dashboard-edge-key-0001',
  push: 'dashboard-push-key-0001',
}

interface Settings {
  readonly store: string
  readonly source: string
  readonly secureworks: object
  readonly darktrace: object
  readonly cofense: object
  readonly desk: object
  readonly soar: object
}

export function fileOf({ store, source, secureworks, darktrace, cofense, desk, soar }: Settings) {
  return {
    server: { port: 0, requestsPerMinute: 0 },
    log: { level: 'error' },
    store: { url: store },
    auth: {
      keys: [
        { id: 'admin', secret: secrets.admin, scopes: ['admin'] },
        { id: 'reader', secret: secrets.reader, scopes: ['indicators:read', 'feeds:read', 'tickets:read'] },
        { id: 'edge', secret: secrets.edge, scopes: ['feeds:read:block-ip'] },
        { id: 'push', secret: secrets.push, scopes: ['push:darktrace'] },
      ],
    },
    sources: [sourceEntry(source, { every: 'off', proxy: 'none', expiration: { policy: 'suddenDeath' } })],
    feeds: [
      { name: 'block-ip', types: ['ipv4', 'ipv6', 'cidr'] },
      { name: 'everything' },
      { name: 'guarded', types: ['ipv4'], shrinkGuard: '10%' },
    ],
    exporters: [
      { kind: 'secureworks', proxy: 'none', settings: secureworks },
      { kind: 'darktrace', proxy: 'none', settings: darktrace, forward: { types: ['domain'] } },
      { kind: 'cofense', proxy: 'none', settings: cofense },
    ],
    bridges: [
      {
        name: 'ctp',
        ticketDesk: { kind: 'secureworks-ctp', proxy: 'none', settings: desk },
        incidentSink: { kind: 'ibm-soar', proxy: 'none', settings: soar },
      },
    ],
  }
}
