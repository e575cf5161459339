/** Tells the benchmark where a server of its listens. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export function listen(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    console.log(`listening on http://127.0.0.1:${port}`)
  })
}
