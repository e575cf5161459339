/** A second opinion from Python's standard library, where there is a `python3`; one process for all questions. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

export const withPython =
  spawnSync('python3', ['-c', 'import csv, ipaddress'], { stdio: 'ignore' }).status === 0

const program = `
import csv, io, ipaddress, json, sys
csv.field_size_limit(1 << 30)
def rows(text):
    return list(csv.reader(io.StringIO(text, newline=''), strict=True))
def address(text):
    try: return str(int(ipaddress.ip_address(text))) if '%' not in text else None
    except ValueError: return None
def network(text):
    if '/' not in text: return None
    try:
        net = ipaddress.ip_network(text, strict=False)
        return [str(int(net.network_address)), net.prefixlen, net.version]
    except ValueError: return None
for line in sys.stdin:
    kind, given = json.loads(line)
    answer = rows(given) if kind == 'csv' else [(address if kind == 'addresses' else network)(t) for t in given]
    sys.stdout.write(json.dumps(answer) + '\\n')
    sys.stdout.flush()
`

let child: ChildProcessWithoutNullStreams | undefined
const waiting: ((answer: string) => void)[] = []

function started(): ChildProcessWithoutNullStreams {
  if (child !== undefined) return child
  child = spawn('python3', ['-u', '-c', program], { env: { ...process.env, PYTHONIOENCODING: 'utf-8' } })
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line))
  child.stderr.on('data', (words) => console.error(String(words)))
  return child
}

function ask(kind: string, given: unknown): Promise<unknown> {
  const { stdin } = started()
  return new Promise((resolve) => {
    waiting.push((answer) => resolve(JSON.parse(answer)))
    // ASCII, so that no encoding of the machine matters.
    const line = JSON.stringify([kind, given]).replaceAll(
      /[\u007f-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    stdin.write(`${line}\n`)
  })
}

export const python = {
  csv: (text: string) => ask('csv', text) as Promise<string[][]>,
  /** Each as a decimal number; null: none. */
  addresses: (texts: readonly string[]) => ask('addresses', texts) as Promise<(string | null)[]>,
  /** Network address as a decimal number, prefix length, version. */
  networks: (texts: readonly string[]) =>
    ask('networks', texts) as Promise<([string, number, number] | null)[]>,
  async close() {
    const ending = child
    child = undefined
    if (ending === undefined) return
    await new Promise((resolve) => {
      ending.once('exit', resolve)
      ending.stdin.end()
    })
  },
}
