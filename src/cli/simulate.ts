/** `feed-server simulate`: the vendors' simulators alone, for trying things out without accounts. */
import closeWithGrace from 'close-with-grace'
import { type Command, InvalidArgumentError } from 'commander'
import type { Simulators } from '../simulation/demo.ts'
import { listenFailure } from './listen.ts'
import { print } from './terminal.ts'

export function simulateCommand(program: Command): void {
  program
    .command('simulate')
    .description("Runs the vendors' simulators.")
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option(
      '--port <number>',
      'port of the first simulator, the others have the next ones; 0: any free ones',
      firstPort,
      9100,
    )
    .option('--json', 'settings of each, as JSON')
    .addHelpText('after', examples)
    .action(async ({ json, ...options }: { host: string; port: number; json?: true }) => {
      const { startSimulators } = await import('../simulation/demo.ts')
      const simulators = await startSimulators(options).catch((error: unknown) => {
        const { port = options.port } = error as { readonly port?: number }
        throw listenFailure({ ...options, port }, error, 'choose another with --host or --port')
      })
      closeWithGrace({ delay: 5000 }, () => simulators.close())
      await print(json ? `${JSON.stringify(settingsOf(simulators))}\n` : simulatorsText(simulators))
    })
}

const examples = `
Examples:
  feed-server simulate
  feed-server simulate --port 0 --json
`

/** By product: what the settings of its kind have to say. */
export function settingsOf({ threatconnect, secureworks, darktrace, cofense, ctp, soar }: Simulators) {
  return { threatconnect, secureworks, darktrace, cofense, ctp, soar }
}

/** A line for each: where it is, and what the settings of its kind have to say. */
function simulatorsText({ threatconnect, secureworks, darktrace, cofense, ctp, soar }: Simulators): string {
  const line = (product: string, address: string, account: Readonly<Record<string, string>>) => {
    const settings = Object.entries(account).filter(([, value]) => value !== address)
    return `${product} simulator: ${address} (${settings.map((setting) => setting.join(' ')).join(', ')})\n`
  }
  return [
    line('ThreatConnect', threatconnect.baseUrl, threatconnect),
    line('Secureworks Taegis XDR', secureworks.baseUrl, secureworks),
    line('Darktrace', darktrace.host, darktrace),
    line('Cofense Triage', cofense.baseUrl, cofense),
    line('Secureworks CTP', ctp.baseUrl, ctp),
    line('IBM SOAR', soar.baseUrl, soar),
  ].join('')
}

/** Simulators beyond the first. */
const others = 5

function firstPort(text: string): number {
  const port = portNumber(text)
  if (port + others <= 65_535) return port
  throw new InvalidArgumentError(`It takes a port number, 0 to ${65_535 - others}.`)
}

export function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It takes a port number, 0 to 65535.')
}
