/**
 * The table of test/faults/vendors, whole: every fault at every vendor, at every moment. `npm test` has its short form,
 * without what is akin. Exit code 1: a cell is not held.
 *
 *   node trials/vendor-faults.ts [VENDOR…]      (threatconnect taegis darktrace cofense ctp soar)
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { faultIds } from '../test/faults/vendors/faults.ts'

const known = ['threatconnect', 'taegis', 'darktrace', 'cofense', 'ctp', 'soar'] as const
const given = process.argv.slice(2)
const wrong = given.filter((name) => !known.some((each) => each === name))
if (wrong.length > 0) throw new RangeError(`no vendor ${wrong.join(', ')}; there are: ${known.join(', ')}`)
const vendors = given.length === 0 ? known : given

interface Ended {
  readonly code: number | null
  /** TAP. */
  readonly output: string
}

function run(vendor: string): Promise<Ended> {
  const file = join('test/faults/vendors', `${vendor}.test.ts`)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, VENDOR_FAULTS: 'all' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

const failed: string[] = []
for (const vendor of vendors) {
  const startedAt = performance.now()
  const { code, output } = await run(vendor)
  const held = faultIds.filter((id) => new RegExp(`^ +ok \\d+ - ${id}: `, 'm').test(output))
  const missed = faultIds.filter((id) => !held.includes(id))
  const checks = output.match(/^ {12}(?:not )?ok /gm)?.length ?? 0
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`${vendor}: ${held.length} of ${faultIds.length} cells held, ${checks} checks, ${seconds} s`)
  if (code === 0 && missed.length === 0) continue
  failed.push(vendor)
  console.log(`  not held: ${missed.join(', ') || 'what is beside the cells'}`)
  for (const [line] of output.matchAll(/^ +not ok .*$/gm)) console.log(line.slice(0, 300))
}
process.exitCode = failed.length === 0 ? 0 : 1
