/** Made-up groups of every type. */
import { isoSeconds } from '../dates.ts'
import type { GroupDraft, Members } from '../records.ts'
import { groupTypeIds } from '../types.ts'
import { attributeSets, seedLabels, seedOwners, seedTags } from './parts.ts'
import type { Random } from './random.ts'

const firstGroupId = 5_001
const day = 86_400_000
const types = Object.keys(groupTypeIds)

export function createGroups(count: number, random: Random, now: number): GroupDraft[] {
  const begin = now - 730 * day
  return Array.from({ length: count }, (_, place) => {
    const type = types[place] ?? random.pick(types)
    const added = begin + Math.floor((place * 729 * day) / count)
    const dateAdded = isoSeconds(added)
    const seen = random.chance(0.3)
    return {
      id: firstGroupId + place,
      owner: random.pick(seedOwners),
      type,
      name: groupName(type, place, random),
      dateAdded,
      lastModified: random.chance(0.5) ? dateAdded : isoSeconds(added + random.next() * (now - added)),
      upVotes: random.below(5),
      downVotes: random.below(2),
      firstSeen: seen ? isoSeconds(added - 20 * day) : undefined,
      lastSeen: seen ? dateAdded : undefined,
      tags: random.chance(0.6) ? seedTags.filter(() => random.chance(0.1)) : [],
      labels: random.chance(0.5) ? [random.pick(seedLabels)] : [],
      attributes: random.pick(attributeSets),
      members: groupMembers(type, place, dateAdded, random),
    }
  })
}

function groupName(type: string, place: number, random: Random): string {
  if (type === 'Vulnerability') return `CVE-2024-${10_000 + place}`
  if (type === 'Attack Pattern') return `T${1_000 + (place % 600)} Example technique ${place}`
  return `${random.pick(['Example', 'Beispiel “X”', '例', 'نمر', 'A, B & C'])} ${type} ${place}`
}

/** The members that only some types have, under the API's names. */
function groupMembers(type: string, place: number, date: string, random: Random): Members | undefined {
  switch (type) {
    case 'Campaign':
      return { firstSeen: date }
    case 'Document':
      return {
        fileName: `indicators-${place}.txt`,
        fileSize: 36 + place,
        status: 'Success',
        documentType: 'Text',
        documentDateAdded: date,
      }
    case 'Email':
      return {
        to: 'victim@mail.example',
        from: 'billing@mail.example',
        subject: `Your order ${place}`,
        header: 'Received: from mail.example',
        body: 'Please open the attachment.',
        scoreIncludesBody: true,
        emailDate: date,
      }
    case 'Event':
      return { eventDate: date, status: random.pick(['Needs Review', 'Escalated', 'False Positive']) }
    case 'Incident':
      return { eventDate: date, status: random.pick(['New', 'Open', 'Stalled', 'Closed', 'Rejected']) }
    case 'Report':
      return {
        generatedReport: random.chance(0.5),
        fileName: `report-${place}.pdf`,
        fileSize: 24_467,
        status: 'Success',
        documentType: 'PDF',
        documentDateAdded: date,
        publishDate: date,
      }
    case 'Signature':
      return { fileName: `rule-${place}.yar`, fileType: 'YARA', fileText: 'rule example { condition: true }' }
    case 'Task':
      return { status: random.pick(['Not Started', 'In Progress', 'Completed']), dueDate: date }
    default:
      return undefined
  }
}
