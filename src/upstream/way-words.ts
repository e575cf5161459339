/** What stands between us and a product, by the code of what failed: for the errors of requests, and for the doctor. */

export interface WayWords {
  /** `its name is not known`: said of the peer. */
  readonly what: string
  /** What may be behind it; said in place of the remedy where there is room for one only. */
  readonly why?: string
  /** `check the base URL and the DNS of this machine`. */
  readonly remedy: string
}

const network: Readonly<Record<string, WayWords>> = {
  ENOTFOUND: { what: 'its name is not known', remedy: 'check the base URL and the DNS of this machine' },
  EAI_AGAIN: { what: 'the name service did not answer', remedy: 'check the DNS of this machine' },
  ECONNREFUSED: {
    what: 'it refused the connection',
    why: 'nothing listens at this port, or a firewall is between',
    remedy: 'check the host and the port, whether the product runs, and the firewall',
  },
  EHOSTUNREACH: {
    what: 'there is no route to it',
    remedy: 'check the network of this machine, and firewalls',
  },
  ENETUNREACH: {
    what: 'there is no route to its network',
    remedy: 'check the network of this machine, and firewalls',
  },
  EADDRNOTAVAIL: {
    what: 'this machine has no free port or address for the connection',
    remedy: 'see which program holds so many connections',
  },
  EMFILE: { what: 'this machine has no free file descriptor', remedy: 'raise the limit of open files' },
}

const untrusted: WayWords = {
  what:
    'its certificate is signed by an authority that is not trusted here, or the server leaves an intermediate ' +
    'certificate out',
  remedy: 'put the authority (of the server, or of a proxy that inspects TLS) into `tls.caFile`',
}

const certificate: Readonly<Record<string, WayWords>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    what: 'its certificate is self-signed',
    remedy: 'put it into `tls.caFile`',
  },
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: {
    what: 'its certificate has expired',
    remedy: "renew it, or correct this machine's clock",
  },
  CERT_NOT_YET_VALID: {
    what: 'its certificate is not valid yet',
    remedy: "correct this machine's clock",
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: 'its certificate is for another name',
    remedy: 'correct the host in the base URL',
  },
  CERT_REVOKED: { what: 'its certificate was revoked', remedy: 'have it replaced' },
}

/** @param code of Node or OpenSSL @returns undefined: it is not about the way */
export function wayWords(code: string): WayWords | undefined {
  const words = certificate[code] ?? network[code]
  if (words !== undefined) return words
  if (!/^(EPROTO|ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|INVALID_|HOSTNAME_)/.test(code)) return undefined
  return { what: 'TLS failed', remedy: 'check that it speaks TLS at this port, and which versions' }
}

/** A proxy that answers with 407. */
export const proxyWantsCredentials: WayWords = {
  what: 'wants credentials',
  remedy: 'put user and password into the address in `proxy`',
}
