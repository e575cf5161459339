/** The doctor of a Darktrace exporter: one request that proves everything and changes nothing. */
import { UpstreamError } from '../../errors.ts'
import { type Diagnoses, diagnosed, usualDiagnoses, wayDiagnoses } from '../../upstream/diagnosis.ts'
import { type Finding, passed } from '../../upstream/finding.ts'
import { maxSkewMs, skewSentence } from './answers.ts'
import type { DarktraceClient } from './client.ts'

/** In the order in which one hides the next; what comes after a failure is left out. */
export async function checkDarktrace(
  client: Pick<DarktraceClient, 'sources'>,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    const { names, skewMs } = await client.sources(signal)
    return [
      passed('connection'),
      passed('api'),
      clockFinding(skewMs),
      passed('credentials'),
      passed('rights', sourcesWords(names)),
    ]
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    return diagnosed(error, diagnoses[error.kind], { order })
  }
}

function sourcesWords(names: readonly string[]): string {
  if (names.length === 0) return 'the watched list has no source yet'
  const more = names.length > 10 ? ' and others' : ''
  return `the watched list has ${names.length} sources: ${names.slice(0, 10).join(', ')}${more}`
}

/** Told before it is refused: half of what is allowed may be gone by tomorrow. */
function clockFinding(skewMs: number | undefined): Finding {
  if (skewMs === undefined) return passed('clock', 'the answer has no date to compare with')
  const evidence = `${Math.round(Math.abs(skewMs) / 1000)} s apart; 30 min are allowed`
  if (Math.abs(skewMs) <= maxSkewMs / 2) return passed('clock', evidence)
  const ok = Math.abs(skewMs) <= maxSkewMs
  return {
    name: 'clock',
    ok,
    evidence,
    cause: `${skewSentence(skewMs)}; 30 min are allowed.`,
    remedy: clockRemedy,
  }
}

const clockRemedy = 'Set the clock of this machine, or that of the appliance, by NTP.'

const addressRemedy =
  'Set `host` to the address of the Darktrace appliance or cloud instance itself, without a path and with https; and ' +
  'see that no proxy or login page answers in its place.'

/** What the request proves, in this order; the names are those of every doctor. */
const order: readonly string[] = ['connection', 'api', 'clock', 'credentials', 'rights']

const diagnoses: Diagnoses = {
  ...usualDiagnoses,
  ...wayDiagnoses('exporter'),
  unavailable: {
    name: 'connection',
    remedy:
      'Check `host`, DNS, the firewall, `proxy` and `tls` of the exporter; if the appliance itself answered, wait for it.',
  },
  unreadable: { name: 'api', remedy: addressRemedy },
  rejected: { name: 'api', remedy: addressRemedy },
  address: { name: 'api', remedy: addressRemedy },
  'clock-skew': { name: 'clock', remedy: clockRemedy },
  credentials: {
    name: 'credentials',
    remedy:
      'Set `publicToken` and `privateToken` to one pair of tokens, as System Config of Darktrace shows them: look for ' +
      'a missing character, quotes or a line end. The private token is shown only once; if it is lost, make a new pair.',
  },
  permission: {
    name: 'rights',
    remedy: 'Give the user of the API token the permission "Edit Domains" in Darktrace.',
  },
  throttled: {
    name: 'limits',
    remedy: 'Ask less often: set `requestsPerMinute` or a lower `concurrency` of the exporter.',
  },
}
