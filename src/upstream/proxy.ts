/** Which proxy a connection goes through, if any. */

/** Names the setting or variable, never its value: it may hold a password. */
export class ProxyUnusable extends TypeError {
  constructor(message: string) {
    super(message)
    this.name = 'ProxyUnusable'
  }
}

/** The standard variables of the environment; the lower-case spelling wins, as in curl. */
export type ProxyEnvironment = {
  readonly [name in 'HTTP_PROXY' | 'HTTPS_PROXY' | 'NO_PROXY' | 'http_proxy' | 'https_proxy' | 'no_proxy']?:
    | string
    | undefined
}

export interface ProxyChoice {
  readonly url: URL | undefined
  /** What names it, in words: `the variable HTTPS_PROXY`. */
  readonly from?: string
  /** Why a proxy that is set is not used. */
  readonly passedOver?: string
}

/**
 * @param setting `http(s)://[user:pass@]host:port`, used whatever NO_PROXY says; `none` for no proxy; empty for
 * the environment's
 * @throws ProxyUnusable
 */
export function proxyChoice(setting: string, origin: URL, env: ProxyEnvironment = {}): ProxyChoice {
  if (setting !== '' && setting !== 'none') {
    return { url: parseProxy(setting, 'proxy'), from: 'the setting `proxy`' }
  }
  const name = origin.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const lowerName = name === 'HTTPS_PROXY' ? 'https_proxy' : 'http_proxy'
  const value = env[lowerName] || env[name]
  if (!value) return { url: undefined }
  const from = `the variable ${env[lowerName] ? lowerName : name}`
  if (setting === 'none') return { url: undefined, passedOver: `${from} is set, but \`proxy\` is none` }
  if (bypassed(origin, env.no_proxy || env.NO_PROXY || '')) {
    const exception = env.no_proxy ? 'no_proxy' : 'NO_PROXY'
    return { url: undefined, passedOver: `${from} is set, but ${exception} excepts ${origin.host}` }
  }
  return { url: parseProxy(value.includes('://') ? value : `http://${value}`, name), from }
}

/** @throws ProxyUnusable */
export function chooseProxy(setting: string, origin: URL, env?: ProxyEnvironment): URL | undefined {
  return proxyChoice(setting, origin, env).url
}

function parseProxy(text: string, name: string): URL {
  const takes = `${name} takes http(s)://[user:pass@]host:port`
  const url = URL.parse(text)
  if (url === null || url.hostname === '') throw new ProxyUnusable(`${takes}; what it holds is not a URL`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ProxyUnusable(`${takes}; received the scheme "${url.protocol.slice(0, -1)}"`)
  }
  try {
    decodeURIComponent(url.username + url.password)
  } catch {
    throw new ProxyUnusable(`${takes}; a "%" in user or password is written %25`)
  }
  return url
}

/**
 * Entries of NO_PROXY: `*`, `host` (with its subdomains, as curl and Go have it), `.suffix` and `*.suffix`
 * (subdomains and, as curl has it, the name itself), an IP address; each also with `:port`. Ranges of addresses
 * are not supported.
 */
function bypassed(origin: URL, noProxy: string): boolean {
  const port = origin.port || (origin.protocol === 'https:' ? '443' : '80')
  const host = bareHost(origin.hostname).replace(/\.$/, '')
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '') return false
      if (entry === '*') return true
      const wantedPort = /^(?:\[.*\]|[^:]*):(\d+)$/.exec(entry)?.[1]
      if (wantedPort !== undefined && wantedPort !== port) return false
      const name = wantedPort === undefined ? entry : entry.slice(0, -wantedPort.length - 1)
      const wanted = bareHost(name).replace(/^\*?\./, '')
      return wanted !== '' && (host === wanted || host.endsWith(`.${wanted}`))
    })
}

/** A host as sockets take it: an IPv6 address without brackets. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** What a proxy wants to know of us; undefined: nothing is set. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}
