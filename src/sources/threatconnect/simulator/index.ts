/**
 * A ThreatConnect v3 that runs on loopback, for tests and for the demo: written from the vendor's documentation and
 * from what is known of its public clients, never from our own client, with which it shares no code. Where the
 * documentation is silent the choice is marked as inferred, and is the one under which a client's mistake is seen.
 */
import type { Answer } from '../../../simulation/faults.ts'
import {
  type CommonOptions,
  type RecordedRequest,
  type Simulator,
  startSimulator,
} from '../../../simulation/simulator.ts'
import { type Account, demoAccount, logIn, wrongSignature } from './accounts.ts'
import { errorAnswer, type LinkOptions, listAnswer } from './answers.ts'
import { type CorpusSize, createCorpus, emptyCorpus } from './corpus/corpus.ts'
import { RequestError, readTarget } from './parameters.ts'
import { type Corpus, createRecordStore, type RecordStore } from './record-store.ts'
import type { NewGroup, NewIndicator, Owner } from './records.ts'
import { createRoutes } from './routes.ts'

export interface ThreatConnectOptions extends CommonOptions, LinkOptions {
  /** Default `[demoAccount]`. */
  readonly accounts?: readonly Account[]
  /** A corpus, or how big a made-up one to take; default none but owners, tags and labels. */
  readonly corpus?: Corpus | CorpusSize
  /** Added to the corpus. A record without times is as old as the simulator. */
  readonly indicators?: readonly NewIndicator[]
  readonly groups?: readonly NewGroup[]
  /** How much the simulated clock is ahead of `now`. */
  readonly skewMs?: number
  /** Refuses what comes without TLS, as the product does: everything, as the simulator has none. Default off. */
  readonly httpsRequired?: boolean
  /** Whether texts in TQL must have the case of the data, which depends on the product's database; default true. */
  readonly caseSensitive?: boolean
  /** Keywords that `sorting` refuses; default none. That a product does so is inferred. */
  readonly unsortable?: readonly string[]
  /** More records are never given at once, whatever `resultLimit` asks for; default 10,000. Inferred. */
  readonly largestPage?: number
  /** Whether `indicators/deleted` answers; default true, else 403. */
  readonly tellsDeleted?: boolean
}

export interface ThreatConnectSimulator extends Simulator {
  readonly accounts: readonly Account[]
  readonly records: RecordStore
  /** The simulated clock, milliseconds. */
  now(): number
}

export async function startThreatConnectSimulator(
  options: ThreatConnectOptions = {},
): Promise<ThreatConnectSimulator> {
  const { accounts = [demoAccount], now: outerNow = Date.now, skewMs = 0 } = options
  const now = (): number => outerNow() + skewMs
  const records = createRecordStore(corpusFrom(options.corpus, now()), now)
  for (const group of options.groups ?? []) records.addGroup({ lastModified: group.dateAdded, ...group })
  for (const indicator of options.indicators ?? []) {
    records.add({ lastModified: indicator.dateAdded, ...indicator })
  }
  const { caseSensitive = true, unsortable = [], largestPage = 10_000, tellsDeleted = true } = options
  const routes = createRoutes({ records, now, caseSensitive, unsortable, largestPage, tellsDeleted })

  const handle = (request: RecordedRequest): Answer => {
    if (options.httpsRequired === true) return errorAnswer(403, 'HTTPS is required')
    const login = logIn(request, accounts, now())
    if (!('account' in login)) return errorAnswer(login.status, login.message)
    try {
      return answer(request, visibleTo(login.account, records.owners))
    } catch (error) {
      if (error instanceof RequestError) return errorAnswer(error.status, error.message)
      throw error
    }
  }
  const answer = (request: RecordedRequest, visible: ReadonlySet<Owner>): Answer => {
    const target = readTarget(request)
    const route = routes.find(({ path }) => path.test(target.path))
    if (route === undefined) return errorAnswer(404, 'The requested resource was not found')
    if (request.method !== 'GET') return errorAnswer(405, 'Method Not Allowed', { allow: 'GET' })
    const found = route.answer({ target, visible, key: route.path.exec(target.path)?.[1] ?? '' })
    return 'status' in found ? found : listAnswer(request, target, found.asked, found.page, options)
  }

  const { host, port, logLimit } = options
  const simulator = await startSimulator({
    handle,
    // A head that is too long is Tomcat's to refuse (inferred); anything else unreadable is an unencoded address.
    refuse: (_request, reason) =>
      reason === 'HPE_HEADER_OVERFLOW'
        ? errorAnswer(400, 'Request header is too large')
        : errorAnswer(401, wrongSignature),
    ...{ now, host, port, logLimit },
  })
  return { ...simulator, accounts, records, now }
}

function corpusFrom(corpus: ThreatConnectOptions['corpus'], now: number): Corpus {
  if (corpus === undefined) return emptyCorpus
  return 'size' in corpus ? createCorpus({ ...corpus, now }) : corpus
}

function visibleTo(account: Account, owners: readonly Owner[]): ReadonlySet<Owner> {
  const names = account.owners && new Set(account.owners)
  return new Set(owners.filter((owner) => names === undefined || names.has(owner.name)))
}
