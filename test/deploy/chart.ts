/** The Helm chart, rendered as `helm template` would; and the plain manifests that are made of it. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, parseAllDocuments, stringify } from 'yaml'

const root = join(import.meta.dirname, '../..')
export const chartFolder = join(root, 'deploy/helm/indicator-feed-server')
export const plainFile = join(root, 'deploy/kubernetes/indicator-feed-server.yaml')

type Json = { readonly [member: string]: unknown }

export const valuesOf = (file = 'values.yaml'): Json => parse(readFileSync(join(chartFolder, file), 'utf8'))
export const chart: Json = parse(readFileSync(join(chartFolder, 'Chart.yaml'), 'utf8'))

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  // biome-ignore lint/suspicious/noExplicitAny: of any kind; what a test reads of it, it knows
  readonly [member: string]: any
}

const goPath = '/usr/share/gocode'

/** Helm's template engine is one of Go: without Go only what was rendered before can be looked at. */
export const canRender =
  existsSync(join(goPath, 'src/github.com/Masterminds/sprig')) && spawnSync('go', ['version']).status === 0

/** @param over replaces whole members at the top @throws Error with the words of the chart */
export function render(over: Json = {}): Readonly<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'feed-chart-'))
  try {
    const input = join(folder, 'input.json')
    writeFileSync(input, JSON.stringify({ values: { ...valuesOf(), ...over }, chart }))
    const program = join(import.meta.dirname, 'render.go')
    const { status, stdout, stderr } = spawnSync(
      'go',
      ['run', program, chartFolder, input, 'feed', 'default'],
      {
        encoding: 'utf8',
        env: { ...process.env, GO111MODULE: 'off', GOPATH: goPath, GOFLAGS: '' },
      },
    )
    if (status !== 0) throw new Error(stderr)
    return JSON.parse(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @returns what Kubernetes would be given, in the order of the files */
export function manifestsOf(rendered: Readonly<Record<string, string>>): readonly Manifest[] {
  return Object.entries(rendered)
    .filter(([file]) => file.endsWith('.yaml'))
    .flatMap(([, text]) => read(text))
}

export function read(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document): Manifest[] => document.toJS() ?? [])
}

/** @returns what Kubernetes' own schema says against it; undefined: nothing. Throws for a kind it does not know. */
export async function problemOf(manifest: Manifest): Promise<string | undefined> {
  const { apiVersion, kind } = manifest
  const { [kind]: Model } = await import(`kubernetes-models/${apiVersion}`)
  try {
    new Model(manifest).validate()
    return undefined
  } catch (error) {
    return `${kind}: ${error instanceof Error ? error.message : error}`
  }
}

/** Names the state of the chart that the plain manifests were made of. */
export function chartDigest(): string {
  const files = readdirSync(chartFolder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ya?ml|tpl)$/.test(file))
    .sort()
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\n${readFileSync(join(chartFolder, file), 'utf8')}\n`)
  return hash.digest('hex')
}

export function plainManifests(): string {
  const documents = manifestsOf(render()).map((manifest) => stringify(readable(manifest), { lineWidth: 0 }))
  return `# What the Helm chart makes of its default values, for clusters without Helm: change the ConfigMap, make the Secret
# that the Deployment names, then kubectl apply --filename.
# Made by \`node test/deploy/write-plain.ts\` of the chart ${chartDigest()}
${documents.map((text) => `---\n${text}`).join('')}`
}

/** Without what only Helm uses; the configuration as people write it. */
function readable(manifest: Manifest): Manifest {
  const { 'helm.sh/chart': _, 'app.kubernetes.io/managed-by': __, ...labels } = manifest.metadata.labels
  const text = JSON.stringify({ ...manifest, metadata: { ...manifest.metadata, labels } })
  const plain: Manifest = JSON.parse(text.replaceAll('feed-indicator-feed-server', 'indicator-feed-server'))
  if (plain.kind !== 'ConfigMap') return plain
  return { ...plain, data: { 'feed-server.yaml': stringify(parse(plain.data['feed-server.yaml'])) } }
}
