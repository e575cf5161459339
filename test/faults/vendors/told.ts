/** What holds of every text that a fault gives rise to. */

import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server } from 'node:net'
import type { Test } from 'tap'
import { type ErrorCode, errorTable } from '../../../src/errors.ts'
import { leaksIn } from '../../canary.ts'
import { closeServer } from '../../upstream/fixtures/servers.ts'

/** Stands in what the vendor says, over and over. */
const marker = 'VENDORSAYS'

/** As a gateway that debugs: what it was sent, and more than anybody wants to read. */
export function vendorWords(secrets: readonly string[]): string {
  return `something went wrong: ${secrets.join(' ')} ${`${marker} `.repeat(2_000)}`
}

/** Of the vendor's words, in characters: what is shown of them in one answer. */
const mostShown = 2500

export function checkText(t: Test, text: string, secrets: ReadonlyMap<string, string>, what: string): void {
  t.same(leaksIn([[what, text]], secrets), [], `${what}: no secret`)
  const shown = text.split(marker).length - 1
  t.ok(shown * (marker.length + 1) <= mostShown, `${what}: a few words of the vendor at most, not ${shown}`)
  t.ok(text.length <= 10_000, `${what}: ${text.length} characters`)
}

/** An error names who failed, why, and what can be done about it. */
export function checkError(
  t: Test,
  { code, detail, remedy }: { readonly code: ErrorCode; readonly detail: string; readonly remedy?: string },
  { vendor, cause }: { readonly vendor: RegExp; readonly cause: RegExp },
  what: string,
): void {
  t.match(detail, vendor, `${what}: names the vendor`)
  t.match(detail, cause, `${what}: names the cause`)
  t.match(remedy ?? errorTable[code].help, /\w+ \w+ \w+/, `${what}: says what to do`)
}

/** The log has no secret, none of the vendor's own words, and no fault of ours. */
export function checkLog(t: Test, logged: readonly string[], secrets: ReadonlyMap<string, string>): void {
  const text = logged.join('')
  t.same(leaksIn([['the log', text]], secrets), [], 'no secret')
  t.same(
    logged
      .filter((line) => line.includes(marker))
      .map((line) => line.slice(0, 400))
      .slice(0, 3),
    [],
    "none of the vendor's words",
  )
  t.same(
    logged
      .filter((line) => /"level":60|INTERNAL|internal fault|fault of ours/.test(line))
      .map((line) => line.slice(0, 600))
      .slice(0, 3),
    [],
    'no fault of ours',
  )
  t.notOk(text.includes('"host":"169.254.169.254'), 'nobody asked the metadata')
}

export interface Elsewhere {
  readonly origin: string
  readonly connections: number
}

/** A server of somebody else, which must not hear from us. */
export async function startElsewhere(t: Test): Promise<Elsewhere> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => closeServer(server, sockets))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections
    },
  }
}
