/**
 * How to read a feed with a product: the address and every setting to type, in the product's own words. Long, as it is
 * one text for each product. Labels differ somewhat between versions of a product.
 */
import { ServiceError } from '../errors.ts'
import type { IndicatorType } from '../model/indicator.ts'
import { xsoarType } from '../model/xsoar-type.ts'

export const consumers = [
  'xsoar',
  'panos',
  'fortigate',
  'misp',
  'opencti',
  'splunk',
  'sentinel',
  'n8n',
  'taegis',
] as const
export type Consumer = (typeof consumers)[number]

export interface Recipe {
  readonly consumer: Consumer
  readonly title: string
  readonly steps: readonly string[]
  /** What to type: the name of the field in the product, and its value. */
  readonly settings: Readonly<Record<string, string>>
}

export interface RecipeFeed {
  readonly name: string
  /** Empty: all. */
  readonly types: readonly IndicatorType[]
  /** Address of the server as the product reaches it, without a slash at its end. */
  readonly base: string
  /** Of its TAXII collection. */
  readonly collectionId: string
}

type Body = Omit<Recipe, 'consumer'>

const keyId = '<key id>'
const key = '<API key>'
/** XSOAR's CSV feed does not read the row of names: they are typed there. */
const csvFields = 'value,score,confidence,tags'

/** The address of the list, and what else each recipe says. */
function parts({ name, types, base }: RecipeFeed) {
  const folder = `${base}/feeds/${name}`
  return {
    folder,
    has: (...wanted: readonly IndicatorType[]) =>
      types.length === 0 || wanted.some((type) => types.includes(type)),
    list: (extension: string, query = '') => `${folder}.${extension}${query === '' ? '' : `?${query}`}`,
    profile: (profile: string) => `${folder}?profile=${profile}`,
    newKey: (product: string) =>
      `Make a key that reads only this feed: \`feed-server keys create ${product} --scopes feeds:read:${name}\`, add the entry that it prints to \`auth.keys\`, and restart the server. Its id is \`${product}\`.`,
    needsHttps: (product: string) =>
      base.startsWith('https://')
        ? []
        : [
            `${product} takes https only: put a TLS proxy before this server and set \`server.publicUrl\` to its address; then read this recipe again.`,
          ],
  }
}

const xsoar = (feed: RecipeFeed): Body => {
  const { newKey, list, has } = parts(feed)
  const unseen = (['registry-key', 'mutex', 'asn'] as const).filter((type) => has(type))
  return {
    title: `Read the feed ${feed.name} with Cortex XSOAR`,
    steps: [
      newKey('xsoar'),
      'In Settings > Integrations, add an instance of "JSON Feed" and type the settings below. The name and the password of the user carry the key as a header.',
      'Press Test, then save with "Fetch indicators" on. Each fetch takes the whole list; while it is unchanged the server answers 304.',
      ...unseen.map(
        (type) =>
          `XSOAR detects no indicator of type ${type} by itself: add another instance with the URL ${list('json', `profile=xsoar&type=${type}`)} with "Auto detect indicator type" off and "Indicator Type" ${xsoarType({ type, value: '' })}.`,
      ),
      `By "CSV Feed" instead: the URL ${list('csv', `profile=xsoar&header=false&fields=${csvFields}`)} and the Field Names ${csvFields}; no escape character, which would take the backslashes out of registry keys.`,
      `By "Plain Text Feed" instead: the URL ${list('txt', 'profile=xsoar')} has one value a line and no comments.`,
      `By TAXII instead: "TAXII 2 Feed" with the discovery URL ${feed.base}/taxii2/ and the collection ${feed.name}; user ${keyId}, password ${key}.`,
    ],
    settings: {
      URL: list('json', 'profile=xsoar'),
      'Auto detect indicator type': 'on',
      'JMESPath Extractor': 'data',
      'JSON Indicator Attribute': 'value',
      'Username / API Key': '_header:X-API-Key',
      Password: key,
    },
  }
}

const panos = (feed: RecipeFeed): Body => {
  const { newKey, needsHttps, has, profile } = parts(feed)
  return {
    title: `Block the feed ${feed.name} with a Palo Alto Networks firewall`,
    steps: [
      newKey('panos'),
      ...needsHttps('A certificate profile and client authentication of PAN-OS'),
      'In Objects > External Dynamic Lists, add one list for each type below: a list holds one type only.',
      'Turn client authentication on with the user and password below, and choose a certificate profile that trusts the certificate of this server.',
      'Press "Test Source URL", then use the list in a security policy, a URL filtering profile or an anti-spyware profile, and commit.',
      'Never take the old key away before the new one is in the firewall: where it fails to authenticate, PAN-OS stops enforcing the list. While the server is away the last copy stays in force.',
      'A firewall skips what is beyond the capacity of its model: set `limit` of the feed to it. The best entries come first.',
    ],
    settings: {
      ...(has('ipv4', 'ipv6', 'cidr') && { 'IP List: Source': profile('panos-ip') }),
      ...(has('domain') && { 'Domain List: Source': profile('panos-domain') }),
      ...(has('url') && { 'URL List: Source': profile('panos-url') }),
      Username: keyId,
      Password: key,
      'Check for updates': 'Every five minutes',
    },
  }
}

const fortigate = (feed: RecipeFeed): Body => {
  const { newKey, has, profile } = parts(feed)
  const kinds = [
    { type: 'address', profile: 'fortigate-ip', there: has('ipv4', 'ipv6', 'cidr') },
    { type: 'domain', profile: 'fortigate-domain', there: has('domain') },
    { type: 'category', profile: 'fortigate-url', there: has('url') },
    { type: 'malware', profile: 'fortigate-hash', there: has('file') },
  ].filter(({ there }) => there)
  const command = kinds.map(
    (kind) =>
      `edit "${feed.name}-${kind.type}"; set type ${kind.type}; set resource "${profile(kind.profile)}"; set username "${keyId}"; set password "${key}"; set refresh-rate 5; next`,
  )
  return {
    title: `Block the feed ${feed.name} with a FortiGate`,
    steps: [
      newKey('fortigate'),
      'In Security Fabric > External Connectors, create a threat feed for each address below: Domain Name, IP Address, FortiGuard Category or Malware Hash.',
      `Or in the CLI, each statement on a line of its own: \`config system external-resource\`; ${command.map((line) => `\`${line}\``).join('; ')}; \`end\`.`,
      'A URL list needs a category number of its own: add `set category 192` (or another one up to 221).',
      'Use the feeds in a firewall policy, a DNS filter, a web filter or an antivirus profile.',
      'Entries beyond the limit of the model are dropped from the end: set `limit` of the feed to it. The best entries come first. The last copy stays in force while the server is away.',
    ],
    settings: {
      ...Object.fromEntries(
        kinds.map((kind) => [`URI of external feed (${kind.type})`, profile(kind.profile)]),
      ),
      'HTTP basic authentication: Username': keyId,
      'HTTP basic authentication: Password': key,
      'Refresh Rate': '5',
    },
  }
}

const misp = (feed: RecipeFeed): Body => {
  const { newKey, folder } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with MISP`,
    steps: [
      newKey('misp'),
      'In Sync Actions > Feeds > Add Feed, type the settings below. MISP adds /manifest.json to the address by itself.',
      'Turn "Enabled" on, save, and press "Fetch and store all feed data". Later fetches take only what changed.',
    ],
    settings: {
      Name: feed.name,
      Provider: 'indicator-feed-server',
      'Input Source': 'Network',
      URL: folder,
      'Source Format': 'MISP Feed',
      'Headers to be passed with requests': `X-API-Key: ${key}`,
    },
  }
}

const opencti = (feed: RecipeFeed): Body => {
  const { newKey } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with OpenCTI`,
    steps: [
      newKey('opencti'),
      "Run the external-import connector `opencti/connector-taxii2` with the environment below, beside OpenCTI's own OPENCTI_URL, OPENCTI_TOKEN and CONNECTOR_ID.",
      'TAXII2_INITIAL_HISTORY is in hours: at its default of 24 the connector would leave out all that was published before.',
    ],
    settings: {
      TAXII2_DISCOVERY_URL: `${feed.base}/taxii2/`,
      TAXII2_USERNAME: keyId,
      TAXII2_PASSWORD: key,
      TAXII2_V21: 'true',
      TAXII2_COLLECTIONS: `*.${feed.name}`,
      TAXII2_INITIAL_HISTORY: '87600',
    },
  }
}

const splunk = (feed: RecipeFeed): Body => {
  const { newKey } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with Splunk SOAR`,
    steps: [
      newKey('splunk'),
      'In Apps > HTTP, configure a new asset with the settings below, and press "Test Connectivity".',
      `In a playbook, use the action "get data" with the location /feeds/${feed.name}.json: the entries are under \`data\`.`,
    ],
    settings: {
      base_url: feed.base,
      test_path: '/api/v1/feeds',
      auth_token_name: 'X-API-Key',
      auth_token: key,
      'get data: location': `/feeds/${feed.name}.json`,
    },
  }
}

const sentinel = (feed: RecipeFeed): Body => {
  const { newKey, needsHttps } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with Microsoft Sentinel`,
    steps: [
      newKey('sentinel'),
      ...needsHttps('Sentinel'),
      'In Content hub, install "Threat Intelligence"; in Data connectors, open "Threat intelligence - TAXII".',
      'Type the settings below and press Add. The certificate must be one that the public authorities vouch for.',
    ],
    settings: {
      'Friendly name (for server)': feed.name,
      'API root URL': `${feed.base}/taxii2/feeds/`,
      'Collection ID': feed.collectionId,
      Username: keyId,
      Password: key,
      'Import indicators': 'All available',
      'Polling frequency': 'Once an hour',
    },
  }
}

const n8n = (feed: RecipeFeed): Body => {
  const { newKey, list } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with n8n`,
    steps: [
      newKey('n8n'),
      'Make a credential of the type "Header Auth" with the name and value below.',
      'Add an "HTTP Request" node with the other settings, then a "Split Out" node with the field `data`: each entry becomes an item.',
    ],
    settings: {
      Method: 'GET',
      URL: list('json'),
      Authentication: 'Generic Credential Type: Header Auth',
      'Header Auth: Name': 'X-API-Key',
      'Header Auth: Value': key,
      'Split Out: Fields To Split Out': 'data',
    },
  }
}

/** Taegis reads no lists: this server sends them. */
const taegis = (feed: RecipeFeed): Body => ({
  title: `Send the feed ${feed.name} to Secureworks Taegis XDR`,
  steps: [
    'Taegis takes indicators by its API and reads no lists: this server sends the feed there.',
    'Add an exporter to the configuration with the settings below; `feed-server check secureworks` proves the credentials.',
    `Send it once: \`feed-server push secureworks --feed ${feed.name}\`, or POST /api/v1/push/secureworks with the body \`{"feed":"${feed.name}"}\`. \`--dry-run\` shows what would be sent.`,
    'To send every change by itself, give the exporter the keys of the feed under `forward`.',
  ],
  settings: {
    'exporters[].kind': 'secureworks',
    'exporters[].settings.region': '<region of the tenant, such as charlie>',
    'exporters[].settings.tenantId': '<tenant id>',
    'exporters[].settings.clientId': '<client id>',
    'exporters[].settings.clientSecret': '$' + '{TAEGIS_CLIENT_SECRET}',
    'exporters[].settings.linkBaseUrl': feed.base,
  },
})

const recipes: Readonly<Record<Consumer, (feed: RecipeFeed) => Body>> = {
  xsoar,
  panos,
  fortigate,
  misp,
  opencti,
  splunk,
  sentinel,
  n8n,
  taegis,
}

/** @throws ServiceError RECIPE_UNKNOWN */
export function recipe(product: string, feed: RecipeFeed): Recipe {
  const consumer = consumers.find((each) => each === product)
  if (consumer === undefined) {
    throw new ServiceError('RECIPE_UNKNOWN', `no recipe for "${product}"; there are: ${consumers.join(', ')}`)
  }
  return { consumer, ...recipes[consumer](feed) }
}

export function recipeMarkdown({ title, steps, settings }: Recipe): string {
  const rows = Object.entries(settings).map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`)
  const numbered = steps.map((step, index) => `${index + 1}. ${step}`)
  return [`# ${title}`, '', ...numbered, '', '| Setting | Value |', '| --- | --- |', ...rows, ''].join('\n')
}

function cell(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}
