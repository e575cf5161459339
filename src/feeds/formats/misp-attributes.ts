/** Indicators as MISP attributes: type, category and value as MISP's own validation takes them (describeTypes, AttributeValidationTool). */
import type { Indicator } from '../../model/indicator.ts'
import { registryValueOf } from '../../model/registry-value.ts'
import { fileHashes } from './file-hashes.ts'

export interface MispValue {
  readonly type: string
  readonly category: string
  readonly value: string
  /** MISP's default for the type: whether detection products may use it. */
  readonly toIds: boolean
  /** What the value is, where MISP's type does not say it. */
  readonly comment?: string
}

const network = 'Network activity'
const delivery = 'Payload delivery'

/** One for each value; a file has one for each of its hashes. */
export function mispValues(indicator: Indicator): readonly MispValue[] {
  const { type, value } = indicator
  switch (type) {
    case 'ipv4':
    case 'ipv6':
    case 'cidr':
      return [{ type: 'ip-dst', category: network, value: withoutFullPrefix(value), toIds: true }]
    case 'domain':
      return /^[a-z0-9.\-_]+\.[a-z0-9-]{2,}$/.test(value)
        ? [{ type: 'domain', category: network, value, toIds: true }]
        : [other(indicator)]
    case 'url':
      return [oneLine({ type: 'url', category: network, value, toIds: true }, indicator)]
    case 'email':
      return /^.[^\s@]*@[^.\n\r\u2028\u2029]*\..*$/.test(value)
        ? [{ type: 'email-src', category: delivery, value, toIds: true }]
        : [other(indicator)]
    case 'file':
      return fileValues(indicator)
    case 'asn':
      return /^AS\d+$/.test(value)
        ? [{ type: 'AS', category: network, value: value.slice(2), toIds: false }]
        : [other(indicator)]
    case 'mutex':
      return [{ type: 'mutex', category: 'Artifacts dropped', value, toIds: true }]
    case 'registry-key':
      return [oneLine(registryKey(value), indicator)]
    case 'user-agent':
      return [oneLine({ type: 'user-agent', category: network, value, toIds: false }, indicator)]
    case 'email-subject':
      return [oneLine({ type: 'email-subject', category: delivery, value, toIds: false }, indicator)]
    case 'vulnerability':
      return /^CVE-\d{4}-\d{4,}$/.test(value)
        ? [{ type: 'vulnerability', category: 'External analysis', value, toIds: false }]
        : [other(indicator)]
    case 'campaign':
      return [oneLine({ type: 'campaign-name', category: 'Attribution', value, toIds: false }, indicator)]
    case 'threat-actor':
    case 'intrusion-set':
      return [
        oneLine(
          { type: 'threat-actor', category: 'Attribution', value, toIds: false, comment: type },
          indicator,
        ),
      ]
    default:
      return [other(indicator)]
  }
}

/** A value in a key is written behind it; MISP's `regkey|value` would take the data of it, which nobody told. */
function registryKey(text: string): MispValue {
  const { key, name } = registryValueOf(text)
  const value = name === undefined ? key : `${key}\\${name}`
  return { type: 'regkey', category: 'Persistence mechanism', value, toIds: true }
}

/** Nothing is left out because MISP has no type for it. */
function other({ type, customType, value }: Indicator): MispValue {
  return { type: 'text', category: 'Other', value, toIds: false, comment: customType ?? type }
}

/** MISP refuses line feeds in most types. */
function oneLine(attribute: MispValue, indicator: Indicator): MispValue {
  return attribute.value.includes('\n') ? other(indicator) : attribute
}

function fileValues(indicator: Indicator): readonly MispValue[] {
  return fileHashes(indicator).map(({ name, digest }) => ({
    type: name,
    category: delivery,
    value: digest,
    toIds: true,
  }))
}

/** MISP writes a network of one address as the address. */
function withoutFullPrefix(value: string): string {
  return value.endsWith(value.includes(':') ? '/128' : '/32') ? value.slice(0, value.indexOf('/')) : value
}
