/** How many deliveries go in one batch: fewer where the product is too slow or refuses that many. Pure. */
import type { UpstreamError } from '../../errors.ts'

export interface BatchSize {
  readonly size: number
  /** Never more: what the configuration and the product allow, and less than what was refused as too much. */
  readonly ceiling: number
}

export function firstSize(most: number): BatchSize {
  return { size: most, ceiling: most }
}

/** What a batch says of its own size. slow: it took too long; too much: the product refuses so many. */
export type SizeAnswer = 'taken' | 'slow' | 'too much'

/** @param sent deliveries in the batch: of several batches under way at once each may fail, the size is halved once */
export function nextSize(current: BatchSize, answer: SizeAnswer, sent: number): BatchSize {
  const { size, ceiling } = current
  if (answer === 'taken') {
    return sent < size || size >= ceiling
      ? current
      : { size: Math.min(ceiling, Math.ceil(size * 1.5)), ceiling }
  }
  const half = Math.min(size, Math.max(1, sent >> 1))
  if (answer === 'slow') return { size: half, ceiling }
  return { size: half, ceiling: Math.min(ceiling, Math.max(1, sent - 1)) }
}

/** undefined: the failure has nothing to do with the size. */
export function sizeAnswerOf(error: UpstreamError): Exclude<SizeAnswer, 'taken'> | undefined {
  if (error.kind === 'timeout') return 'slow'
  const isTooMuch = error.status === 413 || /\btoo (?:many|large|long|big)\b/i.test(error.message)
  return error.kind === 'rejected' && isTooMuch ? 'too much' : undefined
}
