/** Recipes for firewalls. */
import { key, keyId, parts, type RecipeBody, type RecipeFeed } from './recipe.ts'

export function panos(feed: RecipeFeed): RecipeBody {
  const { prepare, needsHttps, has, profile } = parts(feed)
  const settings = {
    ...(has('ipv4', 'ipv6', 'cidr') && { 'IP List: Source': profile('panos-ip') }),
    ...(has('domain') && { 'Domain List: Source': profile('panos-domain') }),
    ...(has('url') && { 'URL List: Source': profile('panos-url') }),
  }
  return {
    title: `Block the feed ${feed.name} with a Palo Alto Networks firewall`,
    steps: [
      ...prepare('panos'),
      ...needsHttps('PAN-OS sends user and password only over https'),
      ...lacks(settings, 'An external dynamic list holds addresses, domains or URLs'),
      'In Objects > External Dynamic Lists, add one list for each address below, of the type that stands before it: a list holds one type only. One firewall takes 30 sources of lists.',
      'Choose a certificate profile that trusts the certificate of this server, turn "Client Authentication" on, and type the user and password below.',
      'Press "Test Source URL", then use the list in a security policy, a URL filtering profile or an anti-spyware profile, and commit.',
      'Never take the old key away before the new one is in the firewall (a key may have two secrets at once): where it fails to authenticate, PAN-OS stops enforcing the list. While the server is away, or answers 503, the last copy stays in force.',
      `A firewall skips what is beyond the capacity of its model, 50,000 addresses on most; "List Capacities" shows it. Set \`limit\` of the feed to it, or add &limit=50000 to the address: the best entries come first, and X-Feed-Truncated tells how many had no room. &collapse=networks makes addresses into the fewest networks, each of which counts as one.`,
    ],
    settings: { ...settings, Username: keyId, Password: key, 'Check for updates': 'Every five minutes' },
    snippets: [],
  }
}

export function fortigate(feed: RecipeFeed): RecipeBody {
  const { prepare, has, profile } = parts(feed)
  const kinds = [
    {
      type: 'address',
      label: 'IP Address',
      profile: 'fortigate-ip',
      there: has('ipv4', 'ipv6', 'cidr'),
    },
    { type: 'domain', label: 'Domain Name', profile: 'fortigate-domain', there: has('domain') },
    { type: 'category', label: 'FortiGuard Category', profile: 'fortigate-url', there: has('url') },
    { type: 'malware', label: 'Malware Hash', profile: 'fortigate-hash', there: has('file') },
  ].filter(({ there }) => there)
  const uris = Object.fromEntries(
    kinds.map((kind) => [`URI of external feed (${kind.label})`, profile(kind.profile)]),
  )
  const edits = kinds.flatMap((kind) => [
    `  edit "${feed.name}-${kind.type}"`,
    `    set type ${kind.type}`,
    ...(kind.type === 'category' ? ['    set category 192'] : []),
    `    set resource "${profile(kind.profile)}"`,
    `    set username "${keyId}"`,
    `    set password "${key}"`,
    '    set refresh-rate 5',
    '  next',
  ])
  return {
    title: `Block the feed ${feed.name} with a FortiGate`,
    steps: [
      ...prepare('fortigate'),
      ...lacks(uris, 'A FortiGate reads addresses, domains, URLs and hashes'),
      'In Security Fabric > External Connectors, create a threat feed for each address below, of the kind that stands beside it.',
      'Or use the commands below. In a console a question mark asks for help: type Ctrl+V before each; a script that is uploaded needs none.',
      'A URL list needs a category number of its own, from 192 to 221.',
      'Use the feeds in a firewall policy, a DNS filter, a web filter or an antivirus profile.',
      'Entries beyond the limit of the model are dropped from the end, where the best ones are not. Up to FortiOS 7.4.3 a feed holds 131,072 lines and 10 MB: add &limit=131072&max_bytes=10485760 to the address, so that the report of the feed tells what had no room. From 7.4.4 on the limits are those of the model, for all feeds together.',
      'Without https, user and password go over the network in clear. The last copy stays in force while the server is away.',
    ],
    settings: {
      ...uris,
      'HTTP basic authentication: Username': keyId,
      'HTTP basic authentication: Password': key,
      'Refresh Rate': '5',
    },
    snippets:
      kinds.length === 0
        ? []
        : [
            {
              where: 'Commands',
              text: ['config system external-resource', ...edits, 'end', ''].join('\n'),
            },
          ],
  }
}

/** Where the product takes nothing that the feed may hold. */
function lacks(addresses: object, takes: string): readonly string[] {
  return Object.keys(addresses).length > 0
    ? []
    : [`${takes}: this feed has none of them, so there is no list to read.`]
}
