/** `feed-server simulate`: the vendors' simulators alone, for trying things out without accounts. */
import closeWithGrace from 'close-with-grace'
import { type Command, InvalidArgumentError } from 'commander'
import { listenFailure } from './listen.ts'
import { print } from './terminal.ts'

export function simulateCommand(program: Command): void {
  program
    .command('simulate')
    .description("Runs the vendors' simulators.")
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port of the ThreatConnect simulator; 0: any free one', portNumber, 9100)
    .action(async (options: { host: string; port: number }) => {
      const { startSimulators } = await import('../simulation/demo.ts')
      const simulators = await startSimulators(options).catch((error: unknown) => {
        throw listenFailure(options, error, 'choose another with --host or --port')
      })
      closeWithGrace({ delay: 5000 }, () => simulators.close())
      const { baseUrl, accessId, secretKey } = simulators.threatconnect
      await print(`ThreatConnect simulator: ${baseUrl} (accessId ${accessId}, secretKey ${secretKey})\n`)
    })
}

export function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It takes a port number, 0 to 65535.')
}
