/** Each kind of effect, and who carries it out. */
import type { EffectKind } from '../../store/tickets.ts'
import { carryOutAttachment } from './attachment.ts'
import type { Carried, Carrying } from './carry.ts'
import { carryOutCreate } from './create.ts'
import { carryOutComment, carryOutLink, carryOutTicketClosing } from './desk-effects.ts'
import { carryOutClose, carryOutPatch, carryOutReopen } from './fields.ts'
import { carryOutNote } from './note.ts'

type CarryOut = (carrying: Carrying) => Promise<Carried>

/**
 * One try.
 * @throws BeforeWriting where nothing was written; UpstreamError, Refused, IncidentGone of what was
 */
export const carryOut: Readonly<Record<EffectKind, CarryOut>> = {
  create: carryOutCreate,
  note: carryOutNote,
  attachment: carryOutAttachment,
  patch: carryOutPatch,
  close: carryOutClose,
  reopen: carryOutReopen,
  ctp_close: carryOutTicketClosing,
  ctp_worklog: carryOutComment,
  ctp_update: carryOutLink,
}
