/** What of the claimed deliveries is to be sent; the others are settled as they are. Pure. */
import type { Delivery, Exporter } from '../../exporters/exporter.ts'
import type { IndicatorType } from '../../model/indicator.ts'
import type { ClaimedDelivery, Settlement } from '../../store/delivery-store.ts'
import { contentHash } from './content.ts'
import { failedUnsent, internalFault, type SettlePolicy, type Work, withoutSending } from './settle.ts'

export interface Prepared {
  readonly works: readonly Work[]
  readonly settlements: readonly Settlement[]
}

interface Preparing extends SettlePolicy {
  readonly exporter: Pick<Exporter, 'refuses' | 'content' | 'sourceOf'>
  readonly accepts: readonly IndicatorType[]
}

/** @param onFault told of each exception of the exporter's pure parts, which costs its delivery an attempt */
export function prepare(
  claimed: readonly ClaimedDelivery[],
  preparing: Preparing,
  now: number,
  random: () => number,
  onFault: (error: unknown) => void,
): Prepared {
  const works: Work[] = []
  const settlements: Settlement[] = []
  for (const each of claimed) {
    try {
      const next = prepareOne(each, preparing, now)
      if ('claimed' in next) works.push(next)
      else settlements.push(next)
    } catch (error) {
      onFault(error)
      settlements.push(failedUnsent(each, { reason: internalFault }, preparing, now, random()))
    }
  }
  return { works, settlements }
}

/** Whatever was queued for a source goes there, also where the settings name another one by now. */
function underItsSource(claimed: ClaimedDelivery, { exporter }: Preparing): ClaimedDelivery {
  const { source, options } = claimed
  return exporter.sourceOf(options) === source ? claimed : { ...claimed, options: { ...options, source } }
}

function prepareOne(queued: ClaimedDelivery, preparing: Preparing, now: number): Work | Settlement {
  const { exporter, accepts } = preparing
  const claimed = underItsSource(queued, preparing)
  const { action, indicator, have, unsure } = claimed
  if (!accepts.includes(indicator.type)) {
    const { type, customType } = indicator
    const named = customType === undefined ? type : `${type}:${customType}`
    return withoutSending(claimed, 'skipped', `unsupported type ${named}`)
  }
  const refusal = exporter.refuses(claimed)
  if (refusal !== undefined) return withoutSending(claimed, 'skipped', refusal)
  const isForgotten = have !== null && !hasStill(have, now)
  if (action === 'remove') {
    if (isForgotten && !unsure) return withoutSending(claimed, 'unchanged', null, { have: null })
    return { claimed, content: '' }
  }
  const content = contentHash(exporter, claimed)
  if (!unsure && !isForgotten && have?.content === content) return withoutSending(claimed, 'unchanged', null)
  return { claimed, content }
}

/** Whether the product has something of it, as far as is known. */
export function hasStill(have: ClaimedDelivery['have'], now: number): boolean {
  return have !== null && (have.until === null || Date.parse(have.until) > now)
}

/** As the exporter gets it: what the product has forgotten by itself has no remote id any more. */
export function deliveryOf({ claimed }: Work, now: number): Delivery {
  const { id, action, indicator, options, unsure, have } = claimed
  const key = String(id)
  if (have === null || !hasStill(have, now)) return { key, action, indicator, options, unsure }
  const { remoteId, vendor } = have
  return {
    key,
    action,
    indicator,
    options,
    unsure,
    ...(remoteId !== null && { remoteId }),
    ...(vendor !== null && { vendor }),
  }
}
