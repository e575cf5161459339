/** What stands before a vendor's simulator: the way there, which can be broken and mended, on one port all the time. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import type { Test } from 'tap'
import { closeServer, pem } from '../../upstream/fixtures/servers.ts'
import type { Broken } from './faults.ts'

type Way = Extract<Broken, { at: 'way' }>['way']

export interface Front {
  /** In the place of the simulator's own origin. */
  readonly origin: string
  /** Connections that there are end. */
  break(way: Way): void
  mend(): Promise<void>
}

const good = 'localhost'

/** @param tls with a certificate that `ca.pem` of the fixtures vouches for */
export async function startFront(t: Test, simulatorPort: number, tls: boolean): Promise<Front> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  }
  const pass = (socket: Socket) => {
    const onward = connect(simulatorPort, '127.0.0.1')
    keep(socket)
    keep(onward)
    socket.on('close', () => onward.destroy())
    onward.on('close', () => socket.destroy())
    socket.pipe(onward).pipe(socket)
  }
  const server = tls ? createTlsServer(certificate(good), pass) : createServer(pass)
  server.on('tlsClientError', () => undefined)
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  t.teardown(() => closeServer(server, sockets))
  return {
    origin: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    break(way) {
      if (way === 'refused') server.close()
      else present(server, way)
      for (const socket of sockets) socket.destroy()
    },
    async mend() {
      if (!server.listening) await listen(port)
      present(server, good)
    },
  }
}

function certificate(name: string) {
  return { cert: pem(name), key: pem('server-key') }
}

function present(server: Server | TlsServer, name: string): void {
  if ('setSecureContext' in server) server.setSecureContext(certificate(name))
}
