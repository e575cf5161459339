/**
 * A way to the database that goes wrong on purpose, outside of the product: it stands between, knows the frames of
 * PostgreSQL's protocol, and spoils whole statements. A statement that is refused fails at the server itself, which is
 * given one that raises the error in its place; so transactions end as they really would.
 */
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

/** What may happen to one statement. */
export type Fault =
  /** The server ends it with this SQLSTATE, whatever it is. */
  | { readonly kind: 'error'; readonly code: string }
  /** The connection is lost before the server has the statement. */
  | { readonly kind: 'cut before' }
  /** It is lost after the statement was carried out, before its answer: of COMMIT the outcome is unknown. */
  | { readonly kind: 'cut after' }
  /** The server ends the session with this SQLSTATE, as on its way down. */
  | { readonly kind: 'fatal'; readonly code: string }
  | { readonly kind: 'slow'; readonly ms: number }
  /** Nothing comes or goes any more, and nothing is closed. */
  | { readonly kind: 'silence' }

export interface Statement {
  readonly sql: string
  /** Which of the program's connections: its `application_name`. */
  readonly application: string
  /** Which of the connections. */
  readonly connection: number
}

export interface Target {
  /** A name, or the folder of a socket. */
  readonly host: string
  readonly port: number
}

export interface DatabaseProxy {
  readonly host: string
  readonly port: number
  /** Statements that came so far, and those that went wrong by kind. */
  readonly seen: number
  readonly spoilt: ReadonlyMap<string, number>
  /** Decides about each statement; undefined: it passes. */
  decide: (statement: Statement) => Fault | undefined
  /** The SQLSTATE by which a new connection is refused, as by a server that has none left; undefined: it is let in. */
  refuse: () => string | undefined
  /** New connections go there from now on. */
  target: Target
  /** Ends every connection, as a router does that gave up its server. */
  cutAll(): void
  /** Every connection there is falls silent. */
  silenceAll(): void
  close(): Promise<void>
}

export async function startDatabaseProxy(target: Target): Promise<DatabaseProxy> {
  const links = new Set<Link>()
  const spoilt = new Map<string, number>()
  const count = (kind: string) => spoilt.set(kind, (spoilt.get(kind) ?? 0) + 1)
  const state = { seen: 0, connections: 0, target }
  const server = createServer((client) => {
    const code = proxy.refuse()
    if (code !== undefined) {
      count('refused')
      return refuse(client, code)
    }
    const link = createLink(client, state.target, {
      connection: ++state.connections,
      decide(statement) {
        state.seen++
        const fault = proxy.decide(statement)
        if (fault !== undefined) count(fault.kind)
        return fault
      },
      ended: () => links.delete(link),
    })
    links.add(link)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const proxy: DatabaseProxy = {
    host: '127.0.0.1',
    port: address.port,
    spoilt,
    decide: () => undefined,
    refuse: () => undefined,
    get seen() {
      return state.seen
    },
    get target() {
      return state.target
    },
    set target(to) {
      state.target = to
    },
    cutAll() {
      for (const link of links) link.cut()
    },
    silenceAll() {
      for (const link of links) link.silence()
    },
    close() {
      for (const link of links) link.cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  return proxy
}

interface Link {
  cut(): void
  silence(): void
}

interface Over {
  readonly connection: number
  decide(statement: Statement): Fault | undefined
  ended(): void
}

function createLink(client: Socket, target: Target, over: Over): Link {
  const isPath = target.host.startsWith('/')
  const server = isPath
    ? connect(join(target.host, `.s.PGSQL.${target.port}`))
    : connect(target.port, target.host)
  // Small frames one after the other would each wait for the acknowledgement of the last.
  client.setNoDelay(true)
  server.setNoDelay(true)
  let silent = false
  let application = ''
  /** The answer that comes is the last that comes, and nobody gets it. */
  let losing = false
  let begun = false
  const cut = () => {
    client.destroy()
    server.destroy()
  }
  const toClient = frames((type, frame) => {
    if (silent) return
    if (losing) {
      if (type === ready) cut()
      return
    }
    client.write(frame)
  })
  let cycle: Buffer[] = []
  let sql = ''
  const send = (bytes: readonly Buffer[]) => {
    if (!silent) server.write(Buffer.concat(bytes))
  }
  const endOfCycle = () => {
    const bytes = cycle
    cycle = []
    const statement = { sql, application, connection: over.connection }
    const fault = over.decide(statement)
    switch (fault?.kind) {
      case undefined:
        return send(bytes)
      case 'error':
        return send([raising(fault.code)])
      case 'cut before':
        return cut()
      case 'cut after':
        losing = true
        return send(bytes)
      case 'fatal':
        client.end(errorFrame('FATAL', fault.code))
        return void server.destroy()
      case 'slow':
        return void setTimeout(send, fault.ms, bytes)
      case 'silence':
        silent = true
    }
  }
  const toServer = frames((type, frame) => {
    if (silent) return
    if (!begun) {
      begun = true
      application = /application_name\0([^\0]*)/.exec(frame.toString('latin1'))?.[1] ?? ''
      return send([frame])
    }
    cycle.push(frame)
    if (type === query) sql = textAt(frame, 5)
    if (type === parse) sql = textAt(frame, frame.indexOf(0, 5) + 1)
    if (type === query || type === sync) endOfCycle()
    // Login, COPY, and the end of the session: nothing to spoil.
    else if (!isPartOfCycle(type)) {
      send(cycle)
      cycle = []
    }
  }, true)
  client.on('data', toServer)
  server.on('data', toClient)
  // What is lost is seen by whoever is at the other end.
  client.on('error', () => {})
  server.on('error', () => {})
  client.on('close', () => {
    server.destroy()
    over.ended()
  })
  server.on('close', () => {
    if (!silent) client.destroy()
  })
  return {
    cut,
    silence() {
      silent = true
    },
  }
}

const [query, parse, sync, ready] = ['Q', 'P', 'S', 'Z'].map((letter) => letter.charCodeAt(0))

/** Parse, Bind, Describe, Execute, Close, Flush. */
function isPartOfCycle(type: number): boolean {
  return 'PBDECH'.includes(String.fromCharCode(type))
}

function textAt(frame: Buffer, start: number): string {
  return frame.toString('utf8', start, frame.indexOf(0, start))
}

/** @param startsBare the first frame has no letter, as a client's */
function frames(take: (type: number, frame: Buffer) => void, startsBare = false): (bytes: Buffer) => void {
  let bare = startsBare
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    for (;;) {
      const head = bare ? 0 : 1
      if (rest.length < head + 4) return
      const length = head + rest.readUInt32BE(head)
      if (rest.length < length) return
      const frame = rest.subarray(0, length)
      rest = rest.subarray(length)
      const type = bare ? 0 : (frame[0] ?? 0)
      bare = false
      take(type, frame)
    }
  }
}

/** A statement that fails with this SQLSTATE. */
function raising(code: string): Buffer {
  const text = `do $$ begin raise exception using errcode = '${code}', message = 'of the test: ${code}'; end $$\0`
  const body = Buffer.from(text)
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function errorFrame(severity: string, code: string): Buffer {
  const body = Buffer.from(`S${severity}\0V${severity}\0C${code}\0Mof the test: ${code}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** Once the client has said who it is, as the server does. */
function refuse(client: Socket, code: string): void {
  client.on('error', () => {})
  client.once('data', () => client.end(errorFrame('FATAL', code)))
}
