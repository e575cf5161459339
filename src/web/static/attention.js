// @ts-check
/**
 * What needs somebody's attention, and what to do about it.
 *
 * @typedef {object} Item
 * @property {'bad' | 'warn' | 'idle'} tone bad: something does not work; warn: it may soon not; idle: worth knowing
 * @property {string} what
 * @property {string} remedy
 * @property {string} href the view where it is mended
 */
/** @import { Bridge, Exporter, Feed, Source } from '../answers.d.ts' */
import { to } from './router.js'
import { number } from './table.js'

const order = ['bad', 'warn', 'idle']

/** @param {readonly Item[]} items */
export function worstFirst(items) {
  return items.toSorted((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone))
}

/**
 * @param {Source} source
 * @returns {Item[]}
 */
export function ofSource({ name, state, lastRun, every }) {
  const href = to`sources/${name}`
  if (state === 'failed' || state === 'partial') {
    const why = lastRun?.error?.detail ?? 'its receipt has no cause'
    return [
      {
        tone: state === 'failed' ? 'bad' : 'warn',
        what: `The last fetch of the source ${name} ${state === 'failed' ? 'failed' : 'was not whole'}: ${why}`,
        remedy: 'Check the source: the doctor names cause and remedy.',
        href,
      },
    ]
  }
  if (state === 'waiting' && every === 'off') {
    return [
      {
        tone: 'warn',
        what: `The source ${name} was never fetched, and is fetched only when asked`,
        remedy: 'Fetch it now.',
        href,
      },
    ]
  }
  const unreadable = lastRun?.unreadableCount ?? 0
  if (unreadable === 0) return []
  return [
    {
      tone: 'idle',
      what: `${number(unreadable)} ${unreadable === 1 ? 'record' : 'records'} of the source ${name} could not be read`,
      remedy: 'Its receipt names each of them and why.',
      href,
    },
  ]
}

/**
 * @param {Feed} feed
 * @returns {Item[]}
 */
export function ofFeed({ name, ready, waitsFor, held, hold, truncated, limit }) {
  const href = to`feeds/${name}`
  if (!ready) {
    return [
      {
        tone: 'warn',
        what: `The feed ${name} is not served yet: it waits for the first fetch of ${waitsFor.join(', ')}`,
        remedy: 'See how the fetch of the source stands.',
        href,
      },
    ]
  }
  if (held) {
    return [
      {
        tone: 'bad',
        what: `The feed ${name} is held: ${hold?.reason ?? 'its new list loses too much'}`,
        remedy: 'See whether the loss is right: then release it; else mend the source.',
        href,
      },
    ]
  }
  if (truncated === 0) return []
  return [
    {
      tone: 'idle',
      what: `The feed ${name} takes ${number(limit)} entries and leaves ${number(truncated)} out`,
      remedy: 'Raise its limit, or its minimums.',
      href,
    },
  ]
}

/**
 * @param {Exporter} exporter
 * @returns {Item[]}
 */
export function ofExporter({ name, circuit, lastError, counts, forward }) {
  const href = to`exporters/${name}`
  /** @type {Item[]} */
  const items = []
  const cause = lastError?.cause ?? 'no cause was told'
  const remedy = lastError?.remedy ?? ''
  if (circuit === 'paused') {
    items.push({
      tone: 'bad',
      what: `The exporter ${name} is paused: ${cause}`,
      remedy: `${remedy} Then resume it.`.trim(),
      href,
    })
  }
  if (circuit === 'open') {
    items.push({
      tone: 'warn',
      what: `The exporter ${name} fails and is tried again: ${cause}`,
      remedy,
      href,
    })
  }
  if (forward?.held) {
    items.push({
      tone: 'bad',
      what: `The exporter ${name} holds removals back: ${forward.hold?.reason ?? 'too many at once'}`,
      remedy: 'See whether they are right: then resume it; else mend the source.',
      href,
    })
  }
  const lost = (counts.dead ?? 0) + (counts.rejected ?? 0)
  if (lost > 0) {
    items.push({
      tone: 'warn',
      what: `The exporter ${name} could not deliver ${number(lost)} ${lost === 1 ? 'indicator' : 'indicators'}: ${number(counts.rejected ?? 0)} rejected, ${number(counts.dead ?? 0)} given up`,
      remedy: 'The receipts tell why; replay them once that is mended.',
      href,
    })
  }
  return items
}

/**
 * @param {Bridge} bridge
 * @returns {Item[]}
 */
export function ofBridge({ name, ticketDesk, incidentSink, effects, lastPoll, possibleGap }) {
  const href = `${to`tickets`}?bridge=${encodeURIComponent(name)}`
  /** @type {Item[]} */
  const items = []
  for (const [side, end] of /** @type {const} */ ([
    ['ticket desk', ticketDesk],
    ['incident sink', incidentSink],
  ])) {
    if (end.circuit === 'closed') continue
    items.push({
      tone: end.circuit === 'paused' ? 'bad' : 'warn',
      what: `The ${side} of the bridge ${name} ${end.circuit === 'paused' ? 'is paused' : 'fails and is tried again'}: ${end.lastError?.cause ?? 'no cause was told'}`,
      remedy: end.lastError?.remedy ?? '',
      href,
    })
  }
  const dead = effects.dead ?? 0
  if (dead > 0) {
    items.push({
      tone: 'bad',
      what: `${number(dead)} ${dead === 1 ? 'effect' : 'effects'} of the bridge ${name} could not be carried out`,
      remedy: 'Each says why: mend that, then retry or skip it.',
      href: `${to`effects`}?state=dead`,
    })
  }
  if (lastPoll?.status === 'failed' || lastPoll?.status === 'partial') {
    items.push({
      tone: 'warn',
      what: `The last poll of the bridge ${name} ${lastPoll.status === 'failed' ? 'failed' : 'was not whole'}: ${lastPoll.error?.detail ?? 'no cause was told'}`,
      remedy: 'Check the bridge: the doctor names cause and remedy.',
      href,
    })
  }
  if (possibleGap !== null) {
    items.push({
      tone: 'warn',
      what: `The bridge ${name} may lack tickets that came between ${possibleGap.from} and ${possibleGap.to}`,
      remedy: 'Compare with the desk: it was not read for longer than it keeps tickets.',
      href,
    })
  }
  return items
}
