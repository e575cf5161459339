// @ts-check
/** The forms in which a feed can be read, and the products that there are recipes for. */

/** Extensions: the exact lists. */
export const formats = /** @type {const} */ (['txt', 'csv', 'json', 'ndjson', 'stix.json', 'misp.json'])

/** Forms of products, as `?profile=` takes them. */
export const profiles = /** @type {const} */ ([
  'panos-ip',
  'panos-domain',
  'panos-url',
  'fortigate-ip',
  'fortigate-domain',
  'fortigate-url',
  'fortigate-hash',
  'cisco-si-ip',
  'cisco-si-dns',
  'cisco-si-url',
  'checkpoint-csv',
  'proxysg',
  'mwg',
  'hosts',
  'rpz',
  'xsoar',
  'excel',
])

/** Names in addresses, and how people call them. */
export const consumers = /** @type {const} */ ([
  ['xsoar', 'Cortex XSOAR'],
  ['panos', 'Palo Alto Networks firewall'],
  ['fortigate', 'FortiGate'],
  ['misp', 'MISP'],
  ['opencti', 'OpenCTI'],
  ['splunk', 'Splunk'],
  ['sentinel', 'Microsoft Sentinel'],
  ['n8n', 'n8n'],
  ['taegis', 'Secureworks Taegis'],
])
