/** How a ticket can be closed, from what it says itself. Pure. */
import type { RawTicket } from '../../model/ticket.ts'
import { isObject } from '../../upstream/json.ts'
import type { DeskClosing } from '../ticket-desk.ts'

/** codes undefined: it does not tell, they can be asked for. */
export function closingOf({ isGlobalParent, availableActions }: RawTicket): DeskClosing {
  const action = (name: string) => {
    const found = isObject(availableActions) ? availableActions[name] : undefined
    return isObject(found) ? found : {}
  }
  // Of a master ticket the SOC closes the others first: it has to be asked, whatever else it says.
  if (isYes(isGlobalParent)) {
    return { by: isNo(action('assignToSoc').available) ? 'note' : 'assign', codes: undefined }
  }
  const close = action('close')
  if (isNo(close.available)) return { by: 'note', codes: undefined }
  return { by: 'close', codes: codesOf(close.closeCode) }
}

/** One alone stands without a list where it was made of XML. */
function codesOf(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const codes = list.filter((code): code is string => typeof code === 'string' && code !== '')
  return codes.length === 0 ? undefined : codes
}

/** They come as texts. */
function isYes(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.trim().toLowerCase() === 'true')
}

function isNo(value: unknown): boolean {
  return value === false || (typeof value === 'string' && value.trim().toLowerCase() === 'false')
}
