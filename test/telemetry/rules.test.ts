/** Alert rules and the Grafana board: what they ask for exists, and each rule fires when it has to. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { metricTable } from '../../src/telemetry/metric-table.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { readExposition } from './exposition.ts'

const deploy = join(import.meta.dirname, '..', '..', 'deploy')
const read = (path: string) => readFileSync(join(deploy, path), 'utf8')
const promtool = spawnSync('promtool', ['--version']).status === 0

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook_url', string>>
}

const rules: readonly Rule[] = parse(read('prometheus/alerts.yaml')).groups.flatMap(
  (group: { readonly rules: readonly Rule[] }) => group.rules,
)

/** Labels that Prometheus adds, and those of Kubernetes. */
const targetLabels = ['job', 'instance', 'pod']

/** Name of each metric -> its labels; `up` is made by Prometheus. */
async function known(): Promise<ReadonlyMap<string, readonly string[]>> {
  const text = await createMetrics({ version: '1.2.3', now: Date.now, ofProcess: true }).scrape(false)
  const { types, samples } = readExposition(text)
  const found = new Map<string, readonly string[]>([['up', []]])
  const labelsOf = new Map<string, readonly string[]>(
    Object.values(metricTable).map(({ name, labels }) => [name, labels]),
  )
  for (const [name, type] of types) {
    const labels =
      labelsOf.get(name) ??
      samples.filter(({ family }) => family === name).flatMap((sample) => Object.keys(sample.labels))
    found.set(name, labels)
    if (type !== 'histogram') continue
    for (const suffix of ['_sum', '_count']) found.set(`${name}${suffix}`, labels)
    found.set(`${name}_bucket`, [...labels, 'le'])
  }
  return found
}

/** What an expression names that does not exist: metrics, labels of selectors, and labels of `by`. */
function unknownIn(expr: string, metrics: ReadonlyMap<string, readonly string[]>): string[] {
  const faults: string[] = []
  const allowed = new Set(targetLabels)
  const selectors = [...expr.matchAll(/\b((?:feed_server|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)]
  if (selectors.length === 0) faults.push('it asks for nothing')
  for (const [, name = '', inner = ''] of selectors) {
    const labels = metrics.get(name)
    if (labels === undefined) {
      faults.push(`no metric ${name}`)
      continue
    }
    for (const label of labels) allowed.add(label)
    for (const [, label = ''] of inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
      if (!labels.includes(label) && !targetLabels.includes(label))
        faults.push(`${name} has no label ${label}`)
    }
  }
  for (const [, list = ''] of expr.matchAll(/\b(?:by|without|on)\s*\(([^)]*)\)/g)) {
    for (const label of list.split(',').map((each) => each.trim())) {
      if (!allowed.has(label)) faults.push(`nothing has the label ${label}`)
    }
  }
  return faults
}

t.test(
  'every rule asks for metrics and labels that exist, and says what it means and where to go',
  async (t) => {
    const metrics = await known()
    t.ok(rules.length > 20)
    t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length, 'each name once')
    for (const { alert, expr, labels, annotations } of rules) {
      t.strictSame(unknownIn(expr, metrics), [], alert)
      t.match(labels.severity, /^(warning|critical)$/, alert)
      t.match(annotations.runbook_url, /^docs\/troubleshooting\.md#[a-z0-9-]+$/, alert)
      t.ok(annotations.summary.length > 10 && annotations.description.length > 10, alert)
      const told = [...`${annotations.summary} ${annotations.description}`.matchAll(/\$labels\.(\w+)/g)]
      const named = [...expr.matchAll(/\b(feed_server_\w+|up)\b/g)].flatMap(
        ([name]) => metrics.get(name) ?? [],
      )
      for (const [, label = ''] of told)
        t.ok([...named, ...targetLabels].includes(label), `${alert}: ${label}`)
    }
    const wrong = unknownIn(
      'sum by (nothing) (feed_server_gone{a="b"}) + feed_server_store_up{b="c"}',
      metrics,
    )
    t.equal(wrong.length, 3, 'what does not exist is found')
  },
)

t.test('every rule has its runbook', (t) => {
  const path = join(deploy, '..', 'docs', 'troubleshooting.md')
  const text = readFileSync(path, 'utf8')
  const anchors = new Set([
    ...[...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
    ...[...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id = '']) => id),
  ])
  for (const { alert, annotations } of rules) {
    t.ok(anchors.has(annotations.runbook_url.replace(/.*#/, '')), `${alert}: ${annotations.runbook_url}`)
  }
  t.end()
})

t.test('every rule is tried where it has to fire and where it must not', (t) => {
  const tests = read('prometheus/alerts.test.yaml')
  for (const { alert } of rules) {
    t.ok(tests.includes(`alertname="${alert}",alertstate="firing"`), `${alert} has a test`)
    t.ok(tests.includes(`not ${alert}`), `${alert} has a test where it is quiet`)
  }
  if (promtool) {
    for (const args of [
      ['check', 'rules', 'alerts.yaml'],
      ['test', 'rules', 'alerts.test.yaml'],
      ['check', 'config', '--syntax-only', 'prometheus.yaml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, {
        cwd: join(deploy, 'prometheus'),
        encoding: 'utf8',
      })
      t.equal(status, 0, `promtool ${args.join(' ')}: ${stdout}${stderr}`)
    }
  }
  t.end()
})

t.test('the example of Prometheus scrapes with a key from a file, and reads the rules', (t) => {
  const { rule_files, scrape_configs } = parse(read('prometheus/prometheus.yaml'))
  t.strictSame(rule_files, ['alerts.yaml'])
  const [job] = scrape_configs
  t.equal(job.job_name, 'feed-server', 'the rules name this job')
  t.equal(job.metrics_path, '/metrics')
  t.match(job.authorization, { type: 'Bearer', credentials_file: /./ })
  t.end()
})

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

t.test('every query of the Grafana board asks for metrics and labels that exist', async (t) => {
  const metrics = await known()
  const board = JSON.parse(read('grafana/indicator-feed-server.json'))
  const panels: readonly Panel[] = board.panels
  t.strictSame(
    panels.filter(({ type }) => type === 'row').map(({ title }) => title),
    ['Sources', 'Feeds', 'Exporters', 'Bridges', 'Vendors', 'HTTP', 'Process'],
  )
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  for (const { title, type, targets = [], gridPos } of panels) {
    t.ok(gridPos.x + gridPos.w <= 24, title)
    if (type !== 'row') t.ok(targets.length > 0, title)
    for (const { expr, legendFormat } of targets) {
      t.strictSame(unknownIn(expr, metrics), [], title)
      t.match(expr, /job=~"\$job"/, `${title}: of the chosen job`)
      const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? targetLabels
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        t.ok(grouped.includes(label), `${title}: ${label}`)
    }
  }
  const shown = new Set(
    panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => expr.match(/feed_server_\w+/g) ?? [])),
  )
  for (const variable of board.templating.list.slice(1))
    t.strictSame(unknownIn(variable.definition, metrics), [])
  t.ok(shown.size > 25, `${shown.size} metrics are shown`)
  const overlaps = panels.filter((panel, n) =>
    panels.slice(n + 1).some(({ gridPos: other }) => {
      const { x, y, w, h } = panel.gridPos
      return x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h
    }),
  )
  t.strictSame(
    overlaps.map(({ title }) => title),
    [],
    'no panel lies over another one',
  )
})
