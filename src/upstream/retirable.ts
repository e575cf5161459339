/** Clients of connectors whose place others take while they are used. */
import type { HttpClient } from './http-client.ts'

export interface RetirableClient extends HttpClient {
  /** Its connections are closed once nothing is under way; what is asked all the same is, and they are closed again. */
  retire(): void
}

/** @param used holds the client from its first request until it is retired: whoever stops has these to close */
export function retirable(client: HttpClient, used: Set<HttpClient>): RetirableClient {
  let underWay = 0
  let retired = false
  const settle = () => {
    if (!retired || underWay > 0) return
    client.close()
    used.delete(client)
  }
  return {
    ...client,
    async send(request) {
      underWay++
      used.add(client)
      try {
        return await client.send(request)
      } finally {
        underWay--
        settle()
      }
    },
    retire() {
      retired = true
      settle()
    },
  }
}
