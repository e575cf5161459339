/** The answers of the API that the dashboard shows, by the names that it has for them. `npm run generate` after another is named. */
import type { Answers } from './api-answers.d.ts'

export type Run = Answers['getRun']
export type Source = Answers['getSource']
export type Feed = Answers['getFeedState']
export type FeedReport = Answers['getFeedReport']
export type Recipe = Answers['getFeedRecipe']
/** Counts over time: the same of a source, an exporter and a feed. */
export type History = Answers['getSourceHistory']
export type HistoryPoint = History['data'][number]
/** What the doctor found: the same of a source, an exporter and a bridge. */
export type Checks = Answers['checkSource']
export type Finding = Checks['checks'][number]
export type Examination = Answers['getDoctor']

export type Exporter = Answers['getExporter']
export type Export = Answers['getExport']
export type ExportItem = Answers['listExportItems']['data'][number]
export type Reconciled = Answers['reconcileExporter']

export type Bridge = Answers['getBridge']
export type Poll = Answers['getPoll']
export type TicketSummary = Answers['listTickets']['data'][number]
export type Ticket = Answers['getTicket']
export type Incident = NonNullable<Ticket['incident']>
export type Effect = Answers['getEffect']

export type Indicator = Answers['explainIndicator']['indicator']
type Observation = Indicator['observations'][number]
export type ExportOfIndicator = Answers['explainIndicator']['exports'][number]
/** Of a record the description says in words what it has: the members of an indicator, and where it stands. */
export interface Why extends Omit<Answers['explainIndicator'], 'observations'> {
  readonly observations: readonly (Pick<Indicator, 'score' | 'active' | 'lastModified'> & Observation)[]
}

export type Key = Answers['listKeys']['data'][number]
export type AuditEntry = Answers['listAudit']['data'][number]
export type AuditCheck = Answers['verifyAudit']
export type Reloaded = Answers['reloadConfig']
