/** The text format of Prometheus 0.0.4, read as strictly as its description has it; knows nothing of the library that writes it. */

export interface Sample {
  /** With `_bucket`, `_sum`, `_count` where the family has them. */
  readonly name: string
  readonly family: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Exposition {
  readonly samples: readonly Sample[]
  /** Of each family. */
  readonly types: ReadonlyMap<string, string>
  readonly help: ReadonlyMap<string, string>
  readonly faults: readonly string[]
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/
const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const labelPair = /([^=,{}"]+)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/gy
const suffixes: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

export function readExposition(text: string): Exposition {
  const faults: string[] = []
  const types = new Map<string, string>()
  const help = new Map<string, string>()
  const samples: Sample[] = []
  const seen = new Set<string>()
  const closed = new Set<string>()
  let current: string | undefined
  const enter = (family: string) => {
    if (family === current) return
    if (closed.has(family)) faults.push(`${family} stands in two places`)
    if (current !== undefined) closed.add(current)
    current = family
  }
  if (!text.endsWith('\n')) faults.push('the last line does not end')
  for (const line of text.split('\n')) {
    if (line === '') continue
    const head = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (head !== null) {
      const [, word, family = '', rest = ''] = head
      enter(family)
      const known = word === 'HELP' ? help : types
      if (known.has(family)) faults.push(`${family} has two lines of ${word}`)
      known.set(family, rest)
      continue
    }
    const match = sampleLine.exec(line)
    const value = match && numberOf(match[3] ?? '')
    if (match === null || value === undefined) {
      faults.push(`no sample: ${line}`)
      continue
    }
    const [, name = '', inner = ''] = match
    const family = familyOf(name, types)
    if (family === undefined) faults.push(`${name} has no TYPE before it`)
    enter(family ?? name)
    const labels = labelsOf(inner, faults)
    const identity = `${name} ${JSON.stringify(Object.entries(labels).toSorted())}`
    if (seen.has(identity)) faults.push(`twice: ${line}`)
    seen.add(identity)
    samples.push({ name, family: family ?? name, labels, value: value ?? Number.NaN })
  }
  for (const family of types.keys()) faults.push(...faultsOf(family, types, help, samples))
  return { samples, types, help, faults }
}

function familyOf(name: string, types: ReadonlyMap<string, string>): string | undefined {
  if (types.has(name) && types.get(name) !== 'histogram') return name
  for (const suffix of ['_bucket', '_sum', '_count']) {
    const family = name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined
    if (family !== undefined && suffixes[types.get(family) ?? '']?.includes(suffix)) return family
  }
  return undefined
}

function numberOf(text: string): number | undefined {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  if (text === 'NaN' || text === 'Nan') return Number.NaN
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined
}

function labelsOf(inner: string, faults: string[]): Record<string, string> {
  const labels: Record<string, string> = {}
  let end = 0
  for (const match of inner.matchAll(labelPair)) {
    const [whole, name = '', value = ''] = match
    end = match.index + whole.length
    if (!labelName.test(name)) faults.push(`no name of a label: ${name}`)
    if (name in labels) faults.push(`the label ${name} stands twice in {${inner}}`)
    labels[name] = value.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))
  }
  if (end !== inner.length) faults.push(`not labels: {${inner}}`)
  return labels
}

const units = /_(milliseconds|ms|minutes|hours|days|kilobytes|megabytes|kb|mb|percent)(_|$)/

function faultsOf(
  family: string,
  types: ReadonlyMap<string, string>,
  help: ReadonlyMap<string, string>,
  samples: readonly Sample[],
): string[] {
  const faults: string[] = []
  const type = types.get(family) ?? ''
  const own = samples.filter((sample) => sample.family === family)
  if (!metricName.test(family)) faults.push(`no name of a metric: ${family}`)
  if (!help.has(family)) faults.push(`${family} has no HELP`)
  if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(type))
    faults.push(`${family} is a ${type}`)
  if ((type === 'counter') !== family.endsWith('_total'))
    faults.push(`${family} is a ${type}: _total is of counters`)
  if (units.test(family)) faults.push(`${family} is not in a base unit`)
  if (type === 'counter' && own.some(({ value }) => !(value >= 0))) faults.push(`${family} is below 0`)
  if (type === 'histogram') faults.push(...histogramFaults(family, own))
  return faults
}

/** Of each series: its buckets grow, the last one is +Inf and tells the same as its count. */
function histogramFaults(family: string, samples: readonly Sample[]): string[] {
  const series = Map.groupBy(samples, ({ labels: { le, ...rest } }) => JSON.stringify(rest))
  return [...series].flatMap(([labels, own]) => {
    const buckets = own.filter(({ name }) => name.endsWith('_bucket'))
    const counts = buckets.map(({ value }) => value)
    const bounds = buckets.map(({ labels: { le = '' } }) => numberOf(le) ?? Number.NaN)
    const count = own.find(({ name }) => name.endsWith('_count'))?.value
    const good =
      counts.every((value, n) => n === 0 || value >= (counts[n - 1] ?? 0)) &&
      bounds.every((bound, n) => n === 0 || bound > (bounds[n - 1] ?? 0)) &&
      bounds.at(-1) === Number.POSITIVE_INFINITY &&
      counts.at(-1) === count &&
      own.some(({ name }) => name.endsWith('_sum'))
    return good ? [] : [`${family}${labels} is no histogram`]
  })
}

/** @returns the value of the one sample with these labels; undefined where there is none */
export function sampleOf(
  { samples }: Exposition,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const fits = (sample: Sample) =>
    sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  const found = samples.filter(fits)
  if (found.length > 1) throw new Error(`${found.length} samples are ${name} ${JSON.stringify(labels)}`)
  return found[0]?.value
}
