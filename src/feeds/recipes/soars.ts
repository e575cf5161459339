/** Recipes for what automates: XSOAR, Splunk SOAR, n8n. */
import { xsoarType } from '../../model/xsoar-type.ts'
import { key, keyId, parts, type RecipeBody, type RecipeFeed } from './recipe.ts'

/** XSOAR's CSV feed does not read the row of names: they are typed there. */
const csvFields = 'value,score,confidence,tags'

/** XSOAR's recognition of types knows nothing of these. */
const unrecognised = ['registry-key', 'mutex', 'asn'] as const

export function xsoar(feed: RecipeFeed): RecipeBody {
  const { prepare, list, has } = parts(feed)
  const apart = [...unrecognised, ...(has('domain') ? (['domain'] as const) : [])].filter((type) => has(type))
  return {
    title: `Read the feed ${feed.name} with Cortex XSOAR`,
    steps: [
      'Best is the ready integration in `integrations/xsoar` of this server: every type arrives with its own type, score, fields and relationships, and the commands of the ThreatConnect Feed integration are there. What follows needs no more than what XSOAR has.',
      ...prepare('xsoar'),
      'In Settings > Integrations, add an instance of "JSON Feed" and type the settings below. The name and the password of the user carry the key as a header; Basic works as well, with the key id and the key.',
      'Press Test, then save with "Fetch indicators" on. There is no paging: each fetch takes the whole list; while it is unchanged the server answers 304 (XSOAR 6.5 and later). The expiration method "When removed from the feed" (suddenDeath) therefore works.',
      ...apart.map((type) =>
        type === 'domain'
          ? `XSOAR detects no domain whose top level it does not know: where they matter, add another instance with the URL ${list('json', 'profile=xsoar&type=domain')} with "Auto detect indicator type" off and "Indicator Type" Domain.`
          : `XSOAR detects no indicator of type ${type} by itself, and leaves it out without a word: add another instance with the URL ${list('json', `profile=xsoar&type=${type}`)} with "Auto detect indicator type" off and "Indicator Type" ${xsoarType({ type, value: '' })}.`,
      ),
      `By "CSV Feed" instead: the URL ${list('csv', `profile=xsoar&header=false&fields=${csvFields}`)} and the Field Names ${csvFields}; no escape character, which would take the backslashes out of registry keys.`,
      `By "Plain Text Feed" instead: the URL ${list('txt', 'profile=xsoar')} has one value a line and no comments; values with a blank are left out, as XSOAR would cut them.`,
      `By "TAXII 2 Feed" instead: the discovery URL ${feed.base}/taxii2/ and the collection ${feed.name}; user ${keyId}, password ${key}. Older versions of it make nothing of mutexes, registry keys and AS numbers.`,
      'An error is shown by its status alone: what is behind it tells the address in a browser, or the log of the server.',
    ],
    settings: {
      URL: list('json', 'profile=xsoar'),
      'Auto detect indicator type': 'on',
      'JMESPath Extractor': 'data',
      'JSON Indicator Attribute': 'value',
      'Username / API Key': '_header:X-API-Key',
      Password: key,
    },
    snippets: [],
  }
}

export function splunk(feed: RecipeFeed): RecipeBody {
  const { prepare } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with Splunk SOAR`,
    steps: [
      ...prepare('splunk'),
      'In Apps > HTTP, configure a new asset with the settings below, and press "Test Connectivity": it asks for the test path with the key. Leave username and password empty, as they come before the token. The app refuses 127.0.0.1.',
      `In a playbook, use the action "get data" with the location /feeds/${feed.name}.json: the entries are under \`data\` of the parsed response.`,
      `The app does no paging: the whole list is one result. Of a big feed take parts, /feeds/${feed.name}.json?limit=1000&offset=0 and so on, or what changed: /api/v1/changes with a key that has indicators:read.`,
    ],
    settings: {
      base_url: feed.base,
      test_path: '/api/v1/whoami',
      auth_token_name: 'X-API-Key',
      auth_token: key,
      'get data: location': `/feeds/${feed.name}.json`,
    },
    snippets: [],
  }
}

export function n8n(feed: RecipeFeed): RecipeBody {
  const { prepare, list } = parts(feed)
  return {
    title: `Read the feed ${feed.name} with n8n`,
    steps: [
      ...prepare('n8n'),
      'Make a credential of the type "Header Auth" with the name and value below.',
      'Add an "HTTP Request" node with the other settings, then a "Split Out" node with the field `data`: each entry becomes an item. The list is one answer, without pages.',
      'Workflows to import are in `integrations/n8n` of this server: one reads /api/v1/indicators page by page, whatever their number (its key needs indicators:read), one pushes values and reads the receipt.',
    ],
    settings: {
      Method: 'GET',
      URL: list('json'),
      Authentication: 'Generic Credential Type: Header Auth',
      'Header Auth: Name': 'X-API-Key',
      'Header Auth: Value': key,
      'Split Out: Fields To Split Out': 'data',
    },
    snippets: [],
  }
}
