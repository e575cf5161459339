/**
 * The requests of XSOAR's own ThreatConnect Feed integration, written from what is known of their text and order.
 * The reference that ours are held against; it keeps the integration's defects.
 */
import { createHmac } from 'node:crypto'
import { get } from 'node:http'
import { demoAccount } from '../../../src/sources/threatconnect/simulator/accounts.ts'

/** As XSOAR hands them over: texts; empty or absent is not given. */
export interface XsoarArguments {
  readonly owners?: string
  readonly limit?: string
  readonly offset?: string
  readonly tql_query?: string
  readonly indicator_type?: string
  readonly active_indicators?: string
  readonly confidence?: string
  readonly threat_assess_score?: string
}

const allTypes = 'EmailAddress,File,Host,URL,ASN,CIDR,Hashtag,Mutex,Registry Key,User Agent,Address'

export function xsoarTql(given: XsoarArguments): string {
  if (given.tql_query) return given.tql_query
  const active = given.active_indicators ?? 'true'
  const confidence = given.confidence ? `AND confidence GT ${given.confidence} ` : ''
  const assessed = given.threat_assess_score ? `AND threatAssessScore GT ${given.threat_assess_score} ` : ''
  const named = (given.owners ?? '').split(',').map((owner) => `ownerName="${owner}" `)
  const owners = given.owners ? `AND (${named.join('OR ')}) ` : ''
  const list = given.indicator_type ? given.indicator_type.split(',').map((type) => type.trim()) : undefined
  const types = (list?.includes('All') ? allTypes.split(',') : list)?.map((type) => `"${type}"`)
  const text = [
    active === 'true' ? 'AND indicatorActive EQ true ' : '',
    confidence,
    assessed,
    confidence,
    owners,
    types ? `AND typeName IN (${types.join(',')})` : '',
  ].join('')
  return text.replace('AND ', '')
}

/** Python's `quote`: leaves `A-Za-z0-9_.-~/`. */
function quote(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
}

/** Ids in the order answered, as the integration would get them. @throws when the answer is no list */
export async function askAsXsoar(baseUrl: string, given: XsoarArguments): Promise<string[]> {
  const tql = xsoarTql(given)
  const query = tql === '' ? '' : `tql=${quote(tql)}&`
  const path = `/api/v3/indicators?${query}resultStart=${given.offset ?? '0'}&resultLimit=${given.limit ?? '50'}&fields=threatAssess`
  const timestamp = Math.round(Date.now() / 1000)
  const signature = createHmac('sha256', demoAccount.secretKey)
    .update(`${path}:GET:${timestamp}`)
    .digest('base64')
  const body = await new Promise<string>((resolve, reject) => {
    const headers = {
      timestamp: String(timestamp),
      authorization: `TC ${demoAccount.accessId}:${signature}`,
      'content-type': 'application/json',
    }
    const { hostname, port } = new URL(baseUrl)
    get({ hostname, port, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    }).on('error', reject)
  })
  const { data } = JSON.parse(body.replace(/"id":(\d+)/g, '"id":"$1"')) as { data: { id: string }[] }
  return data.map(({ id }) => id)
}
