// @ts-check
/** States of exports, items, tickets and effects, in their own words and a colour. */
import { status } from './status.js'

/** @type {Readonly<Record<string, import('./status.js').Tone>>} */
const tones = {
  pending: 'idle',
  running: 'busy',
  inflight: 'busy',
  creating: 'busy',
  closing: 'busy',
  succeeded: 'good',
  accepted: 'good',
  unchanged: 'good',
  done: 'good',
  open: 'good',
  closed: 'good',
  partial: 'warn',
  ambiguous: 'warn',
  tombstone: 'warn',
  skipped: 'idle',
  failed: 'bad',
  rejected: 'bad',
  dead: 'bad',
  error: 'bad',
}

/** @param {string} state */
export function outcomeStatus(state) {
  return status(state, tones[state] ?? 'idle')
}

/**
 * What failed but is tried again by itself is no loss yet.
 * @param {string} state of an effect
 */
export function effectStatus(state) {
  return state === 'failed' ? status('failed, tried again', 'warn') : outcomeStatus(state)
}
