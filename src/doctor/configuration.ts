/** What the configuration holds, and what is allowed in it but should be known. */
import type { Config } from '../config/model.ts'
import type { Finding } from '../connector.ts'

const name = 'configuration'

export interface Configured {
  readonly config: Pick<Config, 'sources' | 'feeds' | 'exporters' | 'bridges' | 'auth'>
  readonly file?: string
  readonly warnings: readonly string[]
}

/** The first says what there is; then a finding for each warning. */
export function configurationFindings({ config, file, warnings }: Configured): Finding[] {
  const { sources, feeds, exporters, bridges, auth } = config
  const evidence = [
    file ?? 'no file: environment variables alone',
    counted(sources, 'source'),
    counted(feeds, 'feed'),
    counted(exporters, 'exporter'),
    counted(bridges, 'bridge'),
    auth.keys.length === 0 ? 'no API keys: on loopback only' : counted(auth.keys, 'API key'),
  ].join(', ')
  if (sources.length + exporters.length + bridges.length === 0) {
    return [
      {
        ...{ name, ok: false, evidence },
        cause: 'Nothing is configured: there is nothing to fetch, to push to or to carry.',
        remedy:
          'Set TC_BASE_URL, TC_ACCESS_ID and TC_SECRET_KEY, or write `sources`, `exporters` and `bridges` into the configuration file (feed-server.yaml).',
      },
    ]
  }
  return [{ name, ok: true, evidence }, ...warnings.map(warned)]
}

const remedies: readonly (readonly [words: RegExp, remedy: string])[] = [
  [
    /certificates are not checked/,
    "Leave `tls.insecure` out, and put the certificate of the server's authority into `tls.caFile`.",
  ],
  [/key of the demo|may be guessed/, 'Make a key by `feed-server keys create`, and put it in its place.'],
  [/no API keys are configured/, 'Configure `auth.keys`, or write 127.0.0.1 as `server.host`.'],
  [/no source is configured/, 'Write `sources` into the configuration, or leave it so: nothing is fetched.'],
]

function warned(cause: string): Finding {
  const [, remedy] = remedies.find(([words]) => words.test(cause)) ?? []
  return {
    ...{ name, ok: true, cause },
    remedy: remedy ?? 'See whether it is meant so; if not, change it at this place of the configuration.',
  }
}

function counted(items: readonly unknown[], unit: string): string {
  return `${items.length} ${unit}${items.length === 1 ? '' : 's'}`
}
