/** What a server's certificate tells: for the evidence, and for what is wrong with it. */
import { X509Certificate } from 'node:crypto'
import type { TlsOptions } from '../connection.ts'
import { wayWords } from '../way-words.ts'
import { sentence, shown } from './way.ts'

/** What a handshake showed. */
export interface Shown {
  readonly protocol: string
  /** As the server sent them, its own first. */
  readonly chain: readonly X509Certificate[]
  /** Code of what is wrong with them. */
  readonly verdict?: string
}

/** Told so long before a certificate ends. */
const soonDays = 14

const dayMs = 86_400_000

export function certificateEvidence({ protocol, chain }: Shown, now: number): string {
  const [own] = chain
  if (own === undefined) return protocol
  const names = [...chain.map(({ subject }) => nameIn(subject)), ...authorityOf(chain)]
  return [
    `${protocol}, the certificate of ${nameIn(own.subject)}, issued by ${nameIn(own.issuer)}`,
    `valid until ${dayOf(own.validTo)} (${daysWords(own, now)})`,
    `the chain, ${chain.length} sent: ${names.join(' < ')}`,
  ].join('; ')
}

function daysWords({ validTo }: X509Certificate, now: number): string {
  const days = Math.floor((Date.parse(validTo) - now) / dayMs)
  return days < 0 ? `${-days} days ago` : `${days} days left`
}

function authorityOf(chain: readonly X509Certificate[]): readonly string[] {
  const last = chain.at(-1)
  return last === undefined || last.issuer === last.subject ? [] : [nameIn(last.issuer)]
}

/** Of the chain, what ends first; undefined: nothing does soon. */
export function endingSoon({ chain }: Shown, now: number): Words | undefined {
  const [first] = [...chain].sort((a, b) => Date.parse(a.validTo) - Date.parse(b.validTo))
  if (first === undefined || Date.parse(first.validTo) - now > soonDays * dayMs) return undefined
  return {
    cause: `The certificate of ${nameIn(first.subject)} ends on ${dayOf(first.validTo)} (${daysWords(first, now)}): from then on nothing is sent.`,
    remedy: 'Have the administrators of the server renew it in time.',
  }
}

export interface Words {
  readonly cause: string
  readonly remedy: string
}

/** @param host that it should be for */
export function certificateWords(
  { chain, verdict = '' }: Shown,
  { host, tls, now }: { readonly host: string; readonly tls: TlsOptions; readonly now: number },
): Words {
  const [own] = chain
  const words = wayWords(verdict) ?? { what: 'its certificate is not good', remedy: 'have it replaced' }
  const said = (detail: string, remedy = sentence(words.remedy)): Words => ({
    cause: `${words.what}: ${detail} (${verdict})`,
    remedy,
  })
  if (own === undefined) return { cause: `${words.what} (${verdict})`, remedy: sentence(words.remedy) }
  const top = chain.at(-1) ?? own
  switch (verdict) {
    case 'CERT_HAS_EXPIRED': {
      const ended = chain.find(({ validTo }) => Date.parse(validTo) < now) ?? own
      return said(
        `that of ${nameIn(ended.subject)} ended on ${dayOf(ended.validTo)}; our clock says ${clockOf(now)}`,
        "Have the administrators of the server renew it; if it is this machine's clock that is wrong, set it by NTP.",
      )
    }
    case 'CERT_NOT_YET_VALID': {
      const later = chain.find(({ validFrom }) => Date.parse(validFrom) > now) ?? own
      return said(
        `that of ${nameIn(later.subject)} begins on ${dayOf(later.validFrom)}; our clock says ${clockOf(now)}`,
        "Set this machine's clock by NTP; if it is right, have the administrators of the server use a certificate that is valid.",
      )
    }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return said(
        `it is for ${shown(namesOf(own))}, not for ${host}`,
        'Correct the host in the base URL to a name that the certificate has, or have the server get a certificate for this one.',
      )
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return said(
        `that of ${nameIn(own.subject)}${held(tls)}`,
        'If it is the right server, save its certificate as a PEM file and name it in `tls.caFile`.',
      )
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return said(`the authority is ${nameIn(top.subject)}${held(tls)}`, authorityRemedy(nameIn(top.subject)))
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return said(`${nameIn(top.issuer)} is not known${held(tls)}`, authorityRemedy(nameIn(top.issuer)))
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE': {
      const issuer = nameIn(own.issuer)
      return said(
        `the server sends its own certificate only, and ${issuer}, which issued it, is not known${held(tls)}`,
        `If ${issuer} is an intermediate authority, have the administrators of the server send the whole chain. ${authorityRemedy(issuer)}`,
      )
    }
    default:
      return said(`that of ${nameIn(own.subject)}`)
  }
}

function authorityRemedy(name: string): string {
  return `If ${name} is an authority of your own (of the server, or of a proxy that inspects TLS), put its certificate as PEM into the file that \`tls.caFile\` names.`
}

/** Trusted is what the file holds, and nothing else. */
function held({ ca }: TlsOptions): string {
  if (ca === undefined) return ''
  const blocks = ca.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  const names = blocks.flatMap((block) => {
    try {
      return [nameIn(new X509Certificate(block).subject)]
    } catch {
      return []
    }
  })
  return names.length === 0 ? '; `tls.caFile` has no certificate' : `; \`tls.caFile\` has ${shown(names)}`
}

function namesOf({ subjectAltName = '', subject }: X509Certificate): readonly string[] {
  const names = subjectAltName.split(', ').map((name) => cleaned(name.replace(/^(DNS|IP Address):/, '')))
  return subjectAltName === '' ? [nameIn(subject)] : names
}

/** The common name of a distinguished name, else all of it. */
function nameIn(distinguished: string | undefined): string {
  const lines = (distinguished ?? '').split('\n')
  const common = lines.find((line) => line.startsWith('CN='))?.slice(3)
  return cleaned(common ?? lines.join(', ')) || 'nobody'
}

/** Whoever answers can write anything there. */
function cleaned(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 100)
    .toWellFormed()
}

function dayOf(date: string): string {
  return new Date(date).toISOString().slice(0, 10)
}

function clockOf(now: number): string {
  return `${new Date(now).toISOString().slice(0, 16)}Z`
}
