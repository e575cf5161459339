/** The Helm chart and the plain manifests: by Kubernetes' own schemas, and by what they promise. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { registries } from '../../src/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import {
  canRender,
  chart,
  chartDigest,
  chartFolder,
  type Manifest,
  manifestsOf,
  plainFile,
  plainManifests,
  problemOf,
  read,
  render,
  valuesOf,
} from './chart.ts'

const { version }: { readonly version: string } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
)
const valid = new Ajv({ allErrors: true, strict: true }).compile(
  JSON.parse(readFileSync(join(chartFolder, 'values.schema.json'), 'utf8')),
)
const plainText = readFileSync(plainFile, 'utf8')
const plain = read(plainText)
const embedded = {
  replicas: 1,
  persistence: { ...Object(valuesOf().persistence), enabled: true },
  config: { ...Object(valuesOf().config), store: { url: 'file:/data' } },
}

async function problemsOf(manifests: readonly Manifest[]): Promise<readonly unknown[]> {
  const problems = await Promise.all(manifests.map(problemOf))
  return problems.filter((problem) => problem !== undefined)
}

function ofKind(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind)
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}

t.test('the values say what they take: the defaults are good, a mistyped one is refused', (t) => {
  t.ok(valid(valuesOf()), JSON.stringify(valid.errors))
  for (const [what, wrong] of Object.entries({
    'an unknown value': { ...valuesOf(), replica: 3 },
    'no replicas': { ...valuesOf(), replicas: 0 },
    'a digest that is none': { ...valuesOf(), image: { repository: 'a', digest: 'sha256:1' } },
    'no Secret': { ...valuesOf(), secrets: { existingSecret: '' } },
    'a port that is none': { ...valuesOf(), networkPolicy: { outboundPorts: [70_000] } },
  })) {
    t.notOk(valid(wrong), what)
  }
  t.end()
})

t.test('chart, image and package are of one version', (t) => {
  t.equal(chart.version, version)
  t.equal(chart.appVersion, version)
  t.end()
})

t.test('the server takes the configuration of the chart, with the entries of the Secret as files', (t) => {
  const loaded = loadConfig({
    file: 'feed-server.yaml',
    readFile: (path) => {
      if (path.endsWith('feed-server.yaml')) return stringify(valuesOf().config)
      if (path.startsWith('/run/secrets/feed-server/')) return `content-of-${path.split('/').at(-1)}`
      throw new Error(`no ${path}`)
    },
    env: { FEED_HOST: '0.0.0.0', FEED_PORT: '8080' },
    cwd: '/app',
    registries,
  })
  t.same(loaded.ok ? [] : loaded.errors.map(formatProblem), [])
  t.same(loaded.ok && loaded.warnings, [])
  t.ok(loaded.ok && loaded.config.server.drainMs > 0, 'a replica that stops says so first')
  t.end()
})

t.test('the values in the README are good, and so is their configuration', (t) => {
  const text = readFileSync(join(chartFolder, 'README.md'), 'utf8')
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)
  t.ok(blocks.length >= 3)
  for (const block of blocks) {
    const values = merged(valuesOf(), parse(block))
    t.ok(valid(values), JSON.stringify(valid.errors))
    const loaded = loadConfig({
      file: '/etc/feed-server/feed-server.yaml',
      readFile: (path) =>
        path.endsWith('.yaml') ? stringify(Object(values).config) : `content-of-${path.split('/').at(-1)}`,
      env: {},
      cwd: '/app',
      registries,
    })
    t.same(loaded.ok ? [] : loaded.errors.map(formatProblem), [], block)
  }
  t.end()
})

/** As Helm does: maps member by member, everything else as a whole. */
function merged(below: unknown, above: unknown): unknown {
  const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isMap(below) || !isMap(above)) return above
  const members = Object.entries(Object(above)).map(([key, value]) => [
    key,
    merged(Object(below)[key], value),
  ])
  return { ...Object(below), ...Object.fromEntries(members) }
}

t.test('the plain manifests are those of the chart as it is now', (t) => {
  t.match(plainText, `chart ${chartDigest()}`, 'run node test/deploy/write-plain.ts')
  t.end()
})

t.test('Kubernetes takes the plain manifests', async (t) => {
  t.same(
    plain.map(({ kind }) => kind),
    ['ConfigMap', 'Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount'],
  )
  t.same(await problemsOf(plain), [])
  const { spec } = ofKind(plain, 'Deployment')
  t.ok(
    await problemOf({ ...ofKind(plain, 'Deployment'), spec: { ...spec, replicas: 'two' } }),
    'what is wrong is found',
  )
})

/** What holds for the pods of every rendering. */
function hardened(t: Test, deployment: Manifest): void {
  const { spec } = deployment.spec.template
  const [container, ...others] = spec.containers
  t.same(others, [])
  t.equal(spec.automountServiceAccountToken, false)
  t.match(spec.securityContext, {
    runAsNonRoot: true,
    runAsUser: 10001,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  })
  t.match(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  t.equal(container.livenessProbe.httpGet.path, '/livez')
  t.equal(container.startupProbe.httpGet.path, '/livez')
  t.equal(container.readinessProbe.httpGet.path, '/readyz')
  t.ok(container.resources.limits.memory)
  const mounted = container.volumeMounts.map(({ name }: { name: string }) => name).sort()
  t.same(mounted, spec.volumes.map(({ name }: { name: string }) => name).sort(), 'each volume is mounted')
  t.ok(spec.terminationGracePeriodSeconds > 10, 'longer than the server needs to stop')
  const selector = deployment.spec.selector.matchLabels
  t.match(deployment.spec.template.metadata.labels, selector, 'it selects its own pods')
}

t.test('pods have no rights, write nowhere but to their volumes, and are asked how they are', (t) => {
  const deployment = ofKind(plain, 'Deployment')
  hardened(t, deployment)
  t.equal(deployment.spec.replicas, 2)
  t.same(
    deployment.spec.strategy.rollingUpdate,
    { maxUnavailable: 0, maxSurge: 1 },
    'one comes before one goes',
  )
  const { metadata, spec } = deployment.spec.template
  t.match(
    metadata.annotations,
    { 'checksum/config': /^[0-9a-f]{64}$/ },
    'a change of the configuration restarts',
  )
  t.match(
    spec.containers[0].env,
    [{ name: 'FEED_CONFIG', value: '/etc/feed-server/feed-server.yaml' }],
    'the ConfigMap is its configuration',
  )
  t.equal(spec.volumes[0].configMap.name, ofKind(plain, 'ConfigMap').metadata.name)
  t.end()
})

t.test('the network: in by the port of the server, out to names, the store and vendors', (t) => {
  const { ingress, egress, policyTypes } = ofKind(plain, 'NetworkPolicy').spec
  t.same(policyTypes, ['Ingress', 'Egress'])
  t.same(ingress, [{ ports: [{ port: 'http', protocol: 'TCP' }] }])
  const ports = egress.flatMap((rule: { ports: { port: number }[] }) => rule.ports.map(({ port }) => port))
  t.same(ports, [53, 53, 5432, 443])
  t.end()
})

const alerts = existsSync(join(chartFolder, 'files/alerts.yaml'))

t.test('the alerts of the chart are those of deploy/prometheus', { skip: !alerts && 'no alerts' }, (t) => {
  const own = readFileSync(join(chartFolder, 'files/alerts.yaml'), 'utf8')
  t.equal(own, readFileSync(join(chartFolder, '../../prometheus/alerts.yaml'), 'utf8'))
  t.end()
})

t.test('rendered by the template engine of Helm', { skip: !canRender && 'no Go with sprig here' }, (t) => {
  t.test('the default values make the plain manifests', (t) => {
    t.equal(plainManifests(), plainText)
    t.end()
  })

  const rest = valuesOf()
  const ways: Readonly<Record<string, { readonly values: object; readonly kinds: readonly string[] }>> = {
    'with an embedded store': {
      values: embedded,
      kinds: [
        'ConfigMap',
        'Deployment',
        'NetworkPolicy',
        'PersistentVolumeClaim',
        'Service',
        'ServiceAccount',
      ],
    },
    'with an ingress, no network policy and a digest': {
      values: {
        ingress: {
          ...Object(rest.ingress),
          enabled: true,
          className: 'nginx',
          tlsSecret: 'tls',
          annotations: { a: 'b' },
        },
        networkPolicy: { ...Object(rest.networkPolicy), enabled: false },
        image: { ...Object(rest.image), digest: `sha256:${'a'.repeat(64)}`, pullSecrets: [{ name: 'pull' }] },
        nodeSelector: { zone: 'a' },
        tolerations: [{ key: 'k', operator: 'Exists' }],
        env: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
      },
      kinds: ['ConfigMap', 'Deployment', 'Ingress', 'PodDisruptionBudget', 'Service', 'ServiceAccount'],
    },
  }
  for (const [way, { values, kinds }] of Object.entries(ways)) {
    t.test(way, async (t) => {
      const manifests = manifestsOf(render({ ...values }))
      t.same(
        manifests.map(({ kind }) => kind),
        kinds,
      )
      t.same(await problemsOf(manifests), [])
      hardened(t, ofKind(manifests, 'Deployment'))
    })
  }

  t.test('with the Prometheus Operator', (t) => {
    const monitoring = Object(rest.monitoring)
    const rendered = render({
      monitoring: {
        serviceMonitor: { ...monitoring.serviceMonitor, enabled: true },
        prometheusRule: { ...monitoring.prometheusRule, enabled: true, labels: { release: 'prometheus' } },
      },
    })
    const monitor = ofKind(manifestsOf(rendered), 'ServiceMonitor')
    t.match(monitor.spec.endpoints, [
      {
        path: '/metrics',
        authorization: { credentials: { key: 'metrics_api_key' } },
        // As the alert rules call the job.
        relabelings: [{ targetLabel: 'job', replacement: 'feed-server' }],
      },
    ])
    t.match(readFileSync(join(chartFolder, 'files/alerts.yaml'), 'utf8'), 'up{job="feed-server"}')
    t.ok(ofKind(manifestsOf(rendered), 'PrometheusRule').spec.groups.length > 0, 'the rules are in it')
    t.end()
  })

  const mistakes: Readonly<Record<string, readonly [values: object, words: RegExp]>> = {
    'two replicas of an embedded store': [{ ...embedded, replicas: 2 }, /set replicas to 1/],
    'an embedded store without a volume': [
      { ...embedded, persistence: rest.persistence },
      /set persistence.enabled and store.url to file:\/data/,
    ],
    'a volume that nothing uses': [
      { persistence: embedded.persistence },
      /persistence is for the embedded store/,
    ],
    'no keys': [{ config: { store: Object(rest.config).store } }, /config.auth.keys is empty/],
    'no Secret': [{ secrets: { existingSecret: '' } }, /secrets.existingSecret names the Secret/],
  }
  for (const [mistake, [values, words]] of Object.entries(mistakes)) {
    t.test(`${mistake}: refused with what to do`, (t) => {
      t.throws(() => render({ ...values }), { message: words })
      t.end()
    })
  }
  t.end()
})
