/** The change log as it is served: texts that were made when the change was stored, and which positions are good. */
import type { Change, ChangeStore, Seq } from './store.ts'

export interface ChangeText {
  readonly op: Change['op']
  readonly seq: Seq
  /** The indicator as JSON, without `raw`. */
  readonly json: string
}

/**
 * Where the log stands. Its history forks when a backup is restored: positions given out before go on to mean the same
 * up to the place of the backup, and nothing after it. So positions are told with an epoch, and a restore begins a
 * new one.
 */
export interface ChangeLogState {
  /** Position of the last commit. */
  readonly head: Seq
  /** Changes up to it may have been pruned. */
  readonly horizon: Seq
  /** The current epoch: 12 hexadecimal digits. */
  readonly epoch: string
  /** Of every epoch the last position that belongs to the present history; of the current one the head. */
  readonly ends: ReadonlyMap<string, Seq>
}

export interface ChangeLog extends ChangeStore {
  /** In one cheap query. */
  logState(): Promise<ChangeLogState>
  /** As `changes`, as texts. @param upTo inclusive */
  changeTexts(since: Seq, upTo: Seq, limit: number): Promise<readonly ChangeText[]>
}
