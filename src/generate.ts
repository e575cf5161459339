/** `npm run generate`: what is written from the code and committed. `test/generated.test.ts` holds it to the code. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { createApp, registries } from './app.ts'
import { configJsonSchema } from './config/json-schema.ts'
import { loadConfig } from './config/load.ts'
import { errorTable } from './errors.ts'
import { buildOpenApi } from './http/openapi.ts'
import { indicatorSchema } from './model/indicator-schema.ts'
import { version } from './version.ts'

/** Every generated file: its path from the root of the repository, and its text. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['openapi.yaml', await openApi()],
    ['schemas/config.json', json(configJsonSchema(registries))],
    [
      'schemas/indicator.json',
      json({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...indicatorSchema }),
    ],
    ['docs/errors.md', errors()],
  ])
}

async function openApi(): Promise<string> {
  const loaded = loadConfig({ env: {}, cwd: '/', registries })
  if (!loaded.ok) throw new Error('a configuration without a file is good')
  const environment = { log: pino({ level: 'silent' }), version, env: {}, now: Date.now }
  const app = await createApp(loaded.config, environment)
  await app.ready()
  try {
    return buildOpenApi(app).yaml
  } finally {
    await app.close()
  }
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
