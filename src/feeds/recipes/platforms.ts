/** Recipes for what keeps and detects: MISP, OpenCTI, Sentinel, Taegis. */
import { key, keyId, parts, type RecipeBody, type RecipeFeed } from './recipe.ts'

export function misp(feed: RecipeFeed): RecipeBody {
  const { prepare, folder } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with MISP`,
    steps: [
      ...prepare('misp'),
      'In Sync Actions > Feeds > Add Feed, type the settings below. MISP adds /manifest.json to the address by itself. It sends no user and password: the key goes as a header.',
      'Turn "Enabled" on, save, and press "Fetch and store all feed data". The feed is one event, whose uuid stays the same; later fetches take it again only when it changed.',
    ],
    settings: {
      Name: feed.name,
      Provider: 'indicator-feed-server',
      'Input Source': 'Network',
      URL: folder,
      'Source Format': 'MISP Feed',
      'Any headers to be passed with requests': `X-API-Key: ${key}`,
    },
    snippets: [],
  }
}

export function opencti(feed: RecipeFeed): RecipeBody {
  const { prepare } = parts(feed)
  const settings = {
    TAXII2_DISCOVERY_URL: `${feed.base}/taxii2/`,
    TAXII2_USERNAME: keyId,
    TAXII2_PASSWORD: key,
    TAXII2_V21: 'true',
    TAXII2_COLLECTIONS: '*.*',
    TAXII2_INITIAL_HISTORY: '87600',
  }
  return {
    title: `Read the feed ${feed.name} with OpenCTI`,
    steps: [
      ...prepare('opencti'),
      "Run the external-import connector `opencti/connector-taxii2` with the environment below, beside OpenCTI's own OPENCTI_URL, OPENCTI_TOKEN, CONNECTOR_ID and the rest.",
      `TAXII2_COLLECTIONS is all that the key sees, which is ${feed.name} alone: the connector can't name a collection that has a dot in its title, and mixes the places of several up.`,
      'TAXII2_INITIAL_HISTORY is in hours: at its default of 24 the connector would leave out all that was published before.',
      'What leaves the feed is published once more with `revoked: true`.',
    ],
    settings,
    snippets: [
      {
        where: 'The same as a part of docker-compose.yml, under `environment`',
        text: Object.entries(settings)
          .map(([name, value]) => `- '${name}=${value}'\n`)
          .join(''),
      },
    ],
  }
}

export function sentinel(feed: RecipeFeed): RecipeBody {
  const { prepare, needsHttps } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with Microsoft Sentinel`,
    steps: [
      ...prepare('sentinel'),
      ...needsHttps('Sentinel takes https only, and has to reach this server over the internet'),
      'In Content hub, install "Threat Intelligence"; in Data connectors, open "Threat intelligence - TAXII".',
      'Type the settings below and press Add. The certificate must be one that the public authorities vouch for.',
      'Sentinel does not tell which indicators it left out, and why: compare its number with `entries` of /api/v1/feeds.',
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
    snippets: [],
  }
}

/** Two ways: this server sends, with a receipt for each; or Taegis fetches by TAXII. */
export function taegis(feed: RecipeFeed): RecipeBody {
  const { prepare, needsHttps, has } = parts(feed)
  const takes = has('ipv4', 'ipv6', 'domain', 'url', 'file')
  return {
    title: `Send the feed ${feed.name} to Secureworks Taegis XDR`,
    steps: [
      'Taegis takes IP addresses, domains, URLs and hashes, no networks and nothing else; at most 15,000 active ones for a tenant, of which it deletes the oldest by itself.',
      ...(takes ? [] : ['This feed has none of them: nothing would arrive.']),
      'Best is that this server sends, as every indicator then has a receipt, what expires is deleted there, and the room is shared out to the best: add the exporter below to the configuration; `feed-server check secureworks` proves the credentials.',
      `Send it once: \`feed-server push secureworks --feed ${feed.name}\`, or POST /api/v1/push/secureworks with the body \`{"feed":"${feed.name}"}\`. \`--dry-run\` shows what would be sent.`,
      'To send every change by itself, give the exporter the keys of the feed under `forward`.',
      'Or Taegis fetches by itself, without receipts: add its TAXII integration with the Root URL, Collection ID, user and password below, and choose a severity there.',
      ...prepare('taegis'),
      ...needsHttps('Taegis is a cloud service and needs https to fetch'),
    ],
    settings: {
      'TAXII: Root URL': `${feed.base}/taxii2/feeds/`,
      'TAXII: Collection ID': feed.collectionId,
      'TAXII: Username': keyId,
      'TAXII: Password': key,
    },
    snippets: [
      {
        where: "The exporter, in this server's configuration",
        text: [
          'exporters:',
          '  - kind: secureworks',
          '    settings:',
          '      region: <region of the tenant, such as charlie>',
          '      tenantId: "<tenant id>"',
          '      clientId: <client id>',
          `      clientSecret: "\${TAEGIS_CLIENT_SECRET}"`,
          `      linkBaseUrl: ${feed.base}`,
          '',
        ].join('\n'),
      },
    ],
  }
}
