/** The page of every key of the configuration file, written from the schema that the file is read by. */
import { configSchema, type Registries } from './schema.ts'
import { type SchemaView, viewOf } from './schema-types.ts'

interface Row {
  /** From its section on: `tls.caFile`, `byType.*`. */
  readonly key: string
  readonly words: string
}

/** Markdown: a table for each section; what a kind has under `settings` stands elsewhere. */
export function configurationPage(registries: Registries): string {
  const sections = Object.entries(viewOf(configSchema(registries)).properties ?? {})
  return `# Configuration

Every key of \`feed-server.yaml\`, except what each kind of connector has under \`settings\`: that stands in
[connectors](connectors.md). A file to start from: [feed-server.example.yaml](../feed-server.example.yaml). Nothing that is
written there is ignored: an unknown key, a wrong value or a missing variable is an error with its line, from
\`feed-server config check\` and at the start. \`feed-server config print\` shows what holds, secrets left out.

- **Values from outside**: \`\${NAME}\` is an environment variable, \`\${file:PATH}\` the content of a file without its last
  newline, \`$\${\` a literal \`\${\`. Relative paths start at the folder of the configuration file.
- **Over the file**: \`FEED_HOST\`, \`FEED_PORT\`, \`FEED_STORE_URL\` (a relative folder starts where the shell is) and
  \`FEED_LOG_LEVEL\`. \`FEED_CONFIG\` names the file, as \`--config\` does.
- **Without a file**: a ThreatConnect source named \`tc\` is made of \`TC_BASE_URL\`, \`TC_ACCESS_ID\` and \`TC_SECRET_KEY\`, or
  \`TC_TOKEN\` in place of the last two; each also as \`…_FILE\` with the path of a file. With a file they mean nothing unless it
  names them, as \`\${TC_BASE_URL}\`.
- **While the server runs**: what a [reload](operations.md#reloading-the-configuration) takes over, and what waits for a
  restart.

${sections.map(([name, schema]) => section(name, schema)).join('\n')}`
}

function section(name: string, schema: SchemaView): string {
  const isList = schema.type === 'array'
  const inner = isList ? (schema.items ?? {}) : schema
  const rows = inner.type === 'object' ? rowsOf(inner, '') : []
  const table = rows.map(({ key, words }) => `| \`${key}\` | ${words.replaceAll('|', '\\|')} |`)
  const head = rows.length === 0 ? [] : ['', '| key | takes |', '|---|---|', ...table]
  const entry = isList && rows.length > 0 ? [`Each entry: ${lowerFirst(inner.description ?? '')}`] : []
  return [`## \`${name}\``, '', schema.description ?? '', ...entry, ...head, ''].join('\n')
}

function rowsOf(schema: SchemaView, before: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const key = `${before}${name}`
    const row = { key, words: wordsOf(name, member, schema.required ?? []) }
    if (member.type === 'array' && member.items?.type === 'object') {
      return [row, ...rowsOf(member.items, `${key}[].`)]
    }
    // A filter has the keys of a feed, which stand there; ages have those of the types.
    const isSection = member.type === 'object' && member.properties !== undefined
    return isSection && name !== 'byType' ? [row, ...rowsOf(member, `${key}.`)] : [row]
  })
}

function wordsOf(name: string, schema: SchemaView, required: readonly string[]): string {
  if (name === 'settings') return 'What this kind takes: [connectors](connectors.md).'
  const isGiven = 'default' in schema || 'x-default-of-kind' in schema || schema.type === 'object'
  const keys =
    name === 'forward' ? ' Its keys are those of a feed, without `name`, `limit` and `shrinkGuard`.' : ''
  const needed = required.includes(name) && !isGiven ? ' Needed.' : ''
  const secret = schema['x-secret'] ? ' A secret.' : ''
  return `${schema.description ?? ''}${keys}${needed}${secret}`
}

function lowerFirst(text: string): string {
  return text.startsWith('API') ? text : text.slice(0, 1).toLowerCase() + text.slice(1)
}
