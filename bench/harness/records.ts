/**
 * Records as ThreatConnect v3 sends them for the fields that the server asks for: five types, two or three tags, a
 * label, an attribute with an id of 16 digits, ThreatAssess, and a tag in Japanese on every 20th. About 1,450 bytes each,
 * up to ten million all different, the same in every run.
 */

const owners = ['Technical Blogs and Reports', 'Common Community', 'Äpfel & Birnen, Threat Intel'] as const
const tags = ['Phishing', 'Ransomware', 'Botnet', 'C2', 'Credential Theft', 'Targeted Attack'] as const
const types = ['Address', 'Host', 'URL', 'File', 'Host', 'Address', 'EmailAddress'] as const
const labels = [
  ['TLP:GREEN', '33FF00'],
  ['TLP:AMBER', 'FFC000'],
  ['TLP:RED', 'FF2B2B'],
] as const

const site = 'https://threatconnect.example'

/** Of the first record; each has the next one. */
export const firstId = 98_590_287

/** @param version 0 as it was first; each other one differs in its description, its confidence and when it changed */
export function threatConnectRecord(index: number, version = 0): object {
  const id = firstId + index
  const day = String(1 + (index % 28)).padStart(2, '0')
  const dateAdded = `2024-01-${day}T01:07:13Z`
  const lastModified = `${2024 + version}-02-${day}T04:28:52Z`
  const type = at(types, index)
  const [label, color] = at(labels, index)
  const score = (index * 37) % 1001
  return {
    id,
    dateAdded,
    ownerId: 10_666,
    ownerName: at(owners, index),
    webLink: `${site}/#/details/indicators/${id}/overview`,
    tags: { data: tagsOf(index) },
    securityLabels: {
      data: [
        {
          id: 3,
          name: label,
          description: `May go as far as ${label} lets it.`,
          color,
          owner: 'System',
          dateAdded: '2016-08-31T00:00:00Z',
        },
      ],
    },
    type,
    lastModified,
    rating: (index % 6) - (index % 2) / 2 + 0.5,
    confidence: (index + version) % 101,
    threatAssessRating: 4.1,
    threatAssessConfidence: 50.25,
    threatAssessScore: score,
    threatAssessScoreObserved: 0,
    threatAssessScoreFalsePositive: 0,
    source: `https://blog.example/post/${index}`,
    description: `Seen in a phishing campaign as number ${index}.${version === 0 ? '' : ` And once more, ${version}.`}`,
    observations: index % 50,
    lastObserved: lastModified,
    privateFlag: false,
    active: true,
    activeLocked: false,
    attributes: { data: [attribute(index, dateAdded)] },
    ...membersOf(type, index),
    legacyLink: `${site}/auth/indicators/details/indicator.xhtml?orgid=${id}`,
  }
}

function tagsOf(index: number): object[] {
  const names: string[] = [
    at(tags, index),
    at(tags, index + 1),
    ...(index % 2 === 0 ? [`Campaign ${index}`] : []),
  ]
  if (index % 20 === 0) names.push('偽サイト')
  return names.map((name, place) => ({ id: 100 + index + place, name, lastUsed: '2024-05-01T08:00:00Z' }))
}

function attribute(index: number, dateAdded: string): object {
  return {
    id: 1_000_000_000_000_000 + index * 100,
    dateAdded,
    type: 'Additional Analysis and Context',
    value: `A partner saw ${index} requests to it.`,
    lastModified: dateAdded,
    pinned: false,
    default: false,
  }
}

function membersOf(type: (typeof types)[number], index: number): object {
  const host = `host-${index}.malware.example`
  switch (type) {
    case 'Address': {
      const ip = `${203 - (index >> 16)}.0.${(index >> 8) & 255}.${index & 255}`
      return { summary: ip, ip }
    }
    case 'Host':
      return { summary: host, hostName: host, dnsActive: false, whoisActive: false }
    case 'URL': {
      const text = `https://${host}/login/index.php?session=${index * 7919}`
      return { summary: text, text }
    }
    case 'EmailAddress': {
      const address = `Accounts.${index}@mail.example`
      return { summary: address, address }
    }
    case 'File': {
      const [md5, sha1, sha256] = [32, 40, 64].map((digits) => hexadecimal(index, digits))
      return { summary: `${md5} : ${sha1} : ${sha256}`, md5, sha1, sha256, size: index }
    }
  }
}

/** Digits in capitals that look like those of a hash. */
function hexadecimal(seed: number, digits: number): string {
  let text = ''
  for (let state = (seed + 1) * 2_654_435_761; text.length < digits; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += state.toString(16).padStart(8, '0')
  }
  return text.slice(0, digits).toUpperCase()
}

function at<T>(list: readonly [T, ...T[]] | readonly T[], index: number): T {
  const value = list[index % list.length]
  if (value === undefined) throw new RangeError('the list is empty')
  return value
}
