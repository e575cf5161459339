/** Whether clients can use the address that they are told. */
import { isIP } from 'node:net'
import type { Config } from '../config/model.ts'
import type { Finding } from '../connector.ts'

const name = 'public-url'

/** None where no address is configured: links are then made from each request. */
export async function publicUrlFindings(
  { server: { publicUrl }, auth }: Pick<Config, 'server' | 'auth'>,
  { addresses }: { addresses(name: string): Promise<readonly string[]> },
): Promise<Finding[]> {
  if (publicUrl === undefined) return []
  const url = new URL(publicUrl)
  const findings = [await resolved(publicUrl, url, addresses)]
  if (url.protocol === 'http:' && auth.keys.length > 0) {
    findings.push({
      ...{ name, ok: true, evidence: publicUrl },
      cause: 'Clients are told an http address: their API keys cross the network in clear.',
      remedy:
        'Put a proxy that ends TLS before the server, and write its https address as `server.publicUrl`.',
    })
  }
  return findings
}

async function resolved(
  publicUrl: string,
  url: URL,
  addresses: (name: string) => Promise<readonly string[]>,
): Promise<Finding> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return { name, ok: true, evidence: publicUrl }
  try {
    const found = await addresses(host)
    return { name, ok: true, evidence: `${publicUrl}: ${host} is ${found.slice(0, 4).join(', ')}` }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
    // A name that only clients know is no fault of the server.
    return {
      ...{ name, ok: true, evidence: publicUrl },
      cause: `The name ${host} is not known on this machine${code}.`,
      remedy:
        'Correct `server.publicUrl`, or make the name known in DNS; if only clients know it, all is well.',
    }
  }
}
