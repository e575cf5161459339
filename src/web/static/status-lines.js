// @ts-check
/** One line for each source, feed, destination and bridge: its name, how it stands, and the one number that matters. */
/** @import { Bridge, Exporter, Feed, Run, Source } from '../answers.d.ts' */
import { h } from './dom.js'
import { to } from './router.js'
import { status } from './status.js'
import { number } from './table.js'
import { time } from './time.js'

/** @type {Readonly<Record<Source['state'] | Run['status'], import('./status.js').Tone>>} */
const runTones = {
  waiting: 'idle',
  fetching: 'busy',
  running: 'busy',
  succeeded: 'good',
  partial: 'warn',
  failed: 'bad',
}

/** @param {Source['state'] | Run['status']} state */
export function runStatus(state) {
  return status(state, runTones[state] ?? 'idle')
}

/** @param {Feed} feed */
export function feedStatus({ ready, held, truncated }) {
  if (!ready) return status('waiting', 'idle')
  if (held) return status('held', 'bad')
  return truncated > 0 ? status('cut at its limit', 'warn') : status('served', 'good')
}

/** @param {'closed' | 'open' | 'paused'} circuit */
export function circuitStatus(circuit) {
  if (circuit === 'paused') return status('paused', 'bad')
  return circuit === 'open' ? status('failing, retried', 'warn') : status('working', 'good')
}

/**
 * @param {string} href
 * @param {string} name
 * @param {HTMLElement} standing
 * @param {...import('./dom.js').Children} rest
 */
function line(href, name, standing, ...rest) {
  return h(
    'li',
    {},
    h('a', { href, 'data-keep': `line ${href}` }, name),
    standing,
    h('span', { class: 'hint' }, rest),
  )
}

/** @param {Source} source */
export function sourceLine({ name, state, lastRun, indicators }) {
  const ended = lastRun === null ? [] : [', last fetch ', time(lastRun.startedAt)]
  return line(to`sources/${name}`, name, runStatus(state), `${number(indicators.total)} indicators`, ...ended)
}

/** @param {Feed} feed */
export function feedLine(feed) {
  return line(
    to`feeds/${feed.name}`,
    feed.name,
    feedStatus(feed),
    `${number(feed.entries)} entries, changed `,
    time(feed.changedAt),
  )
}

/** @param {Exporter} exporter */
export function exporterLine({ name, circuit, counts, oldestPendingAt }) {
  const oldest = oldestPendingAt === null ? [] : [', the oldest ', time(oldestPendingAt)]
  return line(
    to`exporters/${name}`,
    name,
    circuitStatus(circuit),
    `${number(counts.pending ?? 0)} waiting`,
    ...oldest,
    `, ${number(counts.accepted ?? 0)} accepted`,
  )
}

/** @param {Bridge} bridge */
export function bridgeLine({ name, ticketDesk, incidentSink, tickets, effects }) {
  const worst = [ticketDesk, incidentSink].map(({ circuit }) => circuit)
  const circuit = worst.includes('paused') ? 'paused' : worst.includes('open') ? 'open' : 'closed'
  const waiting =
    (effects.pending ?? 0) + (effects.failed ?? 0) + (effects.ambiguous ?? 0) + (effects.inflight ?? 0)
  return line(
    `${to`tickets`}?bridge=${encodeURIComponent(name)}`,
    name,
    circuitStatus(circuit),
    `${number(tickets.open ?? 0)} tickets open, ${number(waiting)} effects waiting, ${number(effects.dead ?? 0)} dead`,
  )
}
