/**
 * The keywords of TQL for each kind of object, with the type that each is compared with (tcex 4.0.11, and the v3
 * documentation for the three that only it names). Keywords are matched in any case.
 */

export type Collection = 'indicators' | 'groups' | 'tags' | 'securityLabels' | 'attributes' | 'other'

/** `Decimal` is ours: `rating` is listed as an Integer, but its values have decimals. */
type KeywordType = 'Integer' | 'Decimal' | 'String' | 'Date' | 'Boolean' | 'SubQuery'

export interface Keyword {
  readonly name: string
  readonly type: KeywordType
}

const subQueries = `hasAllTags hasArtifact hasAttribute hasCase hasGroup hasIndicator hasIntelRequirement
  hasSecurityLabel hasTag hasVictim hasVictimAsset`

const lists: Record<Exclude<Collection, 'other'>, Partial<Record<KeywordType, string>>> = {
  indicators: {
    Integer: `abuseIpdbConfidenceScore addressAsn addressIpVal associatedGroup calScore commonId confidence
      dtMalwareScore dtOverallScore dtPhishingScore dtSpamScore falsePositiveCount fileSize hasCustomAssociation id
      observationCount owner riskIqReputationScore tagOwner threatAssessScore type vtMaliciousCount`,
    Decimal: 'rating',
    String: `addressCidr addressCity addressCountryCode addressCountryName addressRegisteringOrg addressState
      addressTimezone associatedGroupSource associatedIndicatorSource attackTag description ownerName
      riskIqClassification securityLabel source summary tag tagOwnerName typeName value1 value2 value3`,
    Date: `dateAdded dtLastUpdated externalDateAdded externalDateExpires externalLastModified firstSeen
      lastFalsePositive lastModified lastObserved lastSeen threatAssessLastUpdated vtLastUpdated`,
    Boolean: 'activeLocked addressIsIpv6 dtStatus hostDnsActive hostWhoisActive indicatorActive',
    SubQuery: subQueries,
  },
  groups: {
    Integer: `associatedIndicator childGroup documentFilesize downvoteCount emailScore hasCommonGroup
      hasIntelQuery hasThreatActorProfile id owner parentGroup tagOwner type upvoteCount`,
    String: `aiProvider attackTag createdBy documentFilename documentStatus documentType emailFrom emailSubject
      eventType insights ownerName securityLabel signatureFilename signatureType status summary tag tagOwnerName
      taskAssignee taskAssigneePseudo taskStatus typeName victimAsset`,
    Date: `dateAdded documentDateAdded emailDate eventDate externalDateAdded externalDateExpires
      externalLastModified firstSeen lastModified lastSeen publishDate signatureDateAdded taskDateAdded
      taskDueDate taskEscalationDate taskReminderDate`,
    Boolean: 'emailScoreIncludesBody generatedReport isGroup taskEscalated taskOverdue taskReminded',
    SubQuery: subQueries,
  },
  tags: {
    Integer: `associatedCase associatedGroup associatedIndicator associatedVictim caseId financialRiskScore
      financialRiskValue id owner`,
    String: 'description financialRisk name ownerName securityCoverage summary techniqueId',
    Date: 'lastUsed',
    SubQuery: 'hasCase hasGroup hasIndicator hasVictim',
  },
  securityLabels: {
    Integer: 'id owner victimId',
    String: 'color description name ownerName summary',
    Date: 'dateAdded',
    SubQuery: `hasArtifact hasCase hasCaseAttribute hasGroup hasGroupAttribute hasIndicator hasIndicatorAttribute
      hasVictim hasVictimAttribute`,
  },
  attributes: {
    Integer: 'associatedIndicator associatedGroup id intVal maxSize owner type user',
    String: 'displayName ownerName source text typeName',
    Date: 'dateAdded dateVal lastModified',
    Boolean: 'default displayed pinned',
    SubQuery: 'hasGroup hasIndicator hasSecurityLabel',
  },
}

type Table = ReadonlyMap<string, Keyword>

function tableOf(types: Partial<Record<KeywordType, string>>): Table {
  const keywords = Object.entries(types).flatMap(([type, names]) =>
    names.split(/\s+/).map((name): Keyword => ({ name, type: type as KeywordType })),
  )
  return new Map(keywords.map((keyword) => [keyword.name.toLowerCase(), keyword]))
}

const tables: Readonly<Record<keyof typeof lists, Table>> = {
  indicators: tableOf(lists.indicators),
  groups: tableOf(lists.groups),
  tags: tableOf(lists.tags),
  securityLabels: tableOf(lists.securityLabels),
  attributes: tableOf(lists.attributes),
}

/** `other` is what the simulator has no data of: any keyword goes there. */
export function findKeyword(collection: Collection, word: string): Keyword | undefined {
  if (collection === 'other') return { name: word, type: 'String' }
  return tables[collection].get(word.toLowerCase())
}

export function keywordsOf(collection: Exclude<Collection, 'other'>): readonly Keyword[] {
  return [...tables[collection].values()]
}

/** What the query inside a `hasX(...)` is about. */
export function insideOf(keyword: Keyword): Collection {
  switch (keyword.name) {
    case 'hasTag':
    case 'hasAllTags':
      return 'tags'
    case 'hasGroup':
      return 'groups'
    case 'hasIndicator':
      return 'indicators'
    case 'hasSecurityLabel':
      return 'securityLabels'
    case 'hasAttribute':
      return 'attributes'
    default:
      return 'other'
  }
}
