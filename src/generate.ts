/** `npm run generate`: what is written from the code and committed. `test/generated.test.ts` holds it to the code. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import type { TObject } from 'typebox'
import { createApp, registries } from './app.ts'
import { configJsonSchema } from './config/json-schema.ts'
import { loadConfig } from './config/load.ts'
import { configurationPage } from './config/reference.ts'
import { viewOf } from './config/schema-types.ts'
import type { ConnectorDefinition } from './connector.ts'
import { errorTable } from './errors.ts'
import type { ExporterDefinition } from './exporters/exporter.ts'
import { buildOpenApi, type OpenApi } from './http/openapi.ts'
import { answerTypes } from './http/openapi-types.ts'
import { exportSchema } from './http/routes/exports-schema.ts'
import { ticketSchema } from './http/routes/tickets-schema.ts'
import { indicatorSchema } from './model/indicator-schema.ts'
import { type MetricDefinition, metricTable } from './telemetry/metric-table.ts'
import { version } from './version.ts'

/** Every generated file: its path from the root of the repository, and its text. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const { yaml, v31 } = await openApi()
  return new Map([
    ['openapi.yaml', yaml],
    ['src/web/api-answers.d.ts', answerTypes(v31, operationsShown())],
    ['schemas/config.json', json(configJsonSchema(registries))],
    ['schemas/indicator.json', json(standalone(indicatorSchema))],
    ['schemas/export.json', json(standalone(exportSchema))],
    ['schemas/ticket.json', json(standalone(ticketSchema))],
    ['docs/errors.md', errors()],
    ['docs/connectors.md', connectors()],
    ['docs/configuration.md', configurationPage(registries)],
    ['docs/monitoring.md', monitoring()],
  ])
}

async function openApi(): Promise<OpenApi> {
  const loaded = loadConfig({ env: {}, cwd: '/', registries })
  if (!loaded.ok) throw new Error('a configuration without a file is good')
  const environment = { log: pino({ level: 'silent' }), version, env: {}, now: Date.now }
  const app = await createApp(loaded.config, environment)
  await app.ready()
  try {
    return buildOpenApi(app)
  } finally {
    await app.close()
  }
}

/** Those whose answers the dashboard names. */
function operationsShown(): string[] {
  const names = readFileSync(resolve(import.meta.dirname, 'web/answers.d.ts'), 'utf8')
  return [...new Set([...names.matchAll(/Answers\['(\w+)'\]/g)].map(([, id = '']) => id))]
}

function errors(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { status, title, help }]) => `| \`${code}\` | ${status} | ${title} | ${help} |`,
  )
  return `# Errors

Every error answer is \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\`, \`instance\`,
\`code\`, \`requestId\`; for bad input also \`errors\`, a JSON pointer and a sentence each; for a vendor's failure also
\`upstream\` and \`retryable\`. The \`code\` is stable; the detail says what happened this time.

| code | status | title | what to do |
|---|---|---|---|
${rows.join('\n')}
`
}

/** Every kind of connector: what each takes, and its settings as its schema describes them. */
function connectors(): string {
  const { sources, exporters, ticketDesks, incidentSinks } = registries
  return `# Connectors

What each kind has under \`settings\`; what all of them have besides (\`every\`, \`timeout\`, \`proxy\`, \`tls\`, …) stands in
[configuration](configuration.md). How pushes work: [pushing](pushing.md); how tickets do: [tickets](tickets.md).

## Sources

${sources.map((source) => connector(source, [])).join('\n')}
## Exporters

${exporters.map((exporter) => connector(exporter, pushWords(exporter))).join('\n')}
## Ticket desks

${ticketDesks.map((desk) => connector(desk, [])).join('\n')}
## Incident sinks

${incidentSinks.map((sink) => connector(sink, [])).join('\n')}`
}

function pushWords({ accepts, maxBatch, objectsPerRun = 1000, options }: ExporterDefinition): string[] {
  const sizes = `At most ${maxBatch} in one batch; \`objectsPerRun\` is ${objectsPerRun} by default.`
  return [
    `Takes ${accepts.join(', ')}; everything else is \`skipped\`. ${sizes}\n`,
    table('option of a push', options),
  ]
}

function connector({ kind, title, settings }: ConnectorDefinition, parts: readonly string[]): string {
  return [`### ${title}: \`${kind}\`\n`, ...parts, table('setting', settings)].join('\n')
}

function table(head: string, schema: TObject): string {
  const required: readonly string[] = schema.required ?? []
  const rows = Object.entries(schema.properties).map(([name, property]) => {
    const { description = '', 'x-secret': secret } = viewOf(property)
    const needed = required.includes(name) && !('default' in property) ? ' Needed.' : ''
    return `| \`${name}\`${secret ? ' (secret)' : ''} | ${description.replaceAll('|', '\\|')}${needed} |`
  })
  return [`| ${head} | takes |`, '|---|---|', ...rows, ''].join('\n')
}

/** The table of the metrics, in a page that is written by hand otherwise. */
function monitoring(): string {
  const page = readFileSync(resolve(import.meta.dirname, '../docs/monitoring.md'), 'utf8')
  const rows = Object.values<MetricDefinition>(metricTable).map(
    ({ name, type, labels, replicas, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${replicas} | ${help} |`,
  )
  const table = ['| metric | type | labels | replicas | what it says |', '|---|---|---|---|---|', ...rows]
  const [before, after] = [/^.*<!-- metrics -->\n/s, /<!-- \/metrics -->.*$/s].map(
    (part) => part.exec(page)?.[0],
  )
  if (before === undefined || after === undefined)
    throw new Error('docs/monitoring.md has no place for metrics')
  return `${before}${table.join('\n')}\n${after}`
}

function standalone(schema: object): object {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = resolve(import.meta.dirname, '..')
  for (const [path, text] of await generatedFiles()) {
    mkdirSync(dirname(resolve(root, path)), { recursive: true })
    writeFileSync(resolve(root, path), text)
    console.log(path)
  }
}
