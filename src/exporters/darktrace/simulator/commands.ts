/** What a POST asks for, read as strictly as the documentation allows. */
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import type { NewEntry } from './watched-list.ts'

/** Answered with 400 `INPUT ERROR`; `why` is for whoever reads the simulator's log. */
export class InputError extends Error {}

export interface PostCommand {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly removesAll: boolean
  /** Absent: `default` for additions, whichever has it for removals. */
  readonly source?: string
  readonly entry: NewEntry
}

const known = new Set([
  'addentry',
  'addlist',
  'removeentry',
  'removeall',
  'description',
  'expiry',
  'hostname',
  'iagn',
  'source',
  'fulldetails',
])

/** @throws InputError */
export function readCommand({ headers, body }: RecordedRequest): PostCommand {
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
  const members = isForm ? Object.fromEntries(new URLSearchParams(body)) : readJson(body)
  for (const name of Object.keys(members)) {
    if (!known.has(name)) throw new InputError(`there is no parameter ${name}`)
  }
  const text = (name: string, shorterThan = Number.POSITIVE_INFINITY): string | undefined => {
    const value = members[name]
    if (value === undefined) return undefined
    if (typeof value !== 'string') throw new InputError(`${name} is no text`)
    if (value.length >= shorterThan) throw new InputError(`${name} has ${value.length} characters`)
    return value
  }
  const flag = (name: string): boolean | undefined => {
    const value = members[name]
    if (value === undefined || typeof value === 'boolean') return value
    if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
    throw new InputError(`${name} is neither true nor false`)
  }
  const [addentry, addlist, removeentry] = [text('addentry'), text('addlist'), text('removeentry')]
  const description = text('description', 256)
  const source = text('source', 64)
  const expiresAt = readExpiry(text('expiry'))
  const [hostname, iagn, removeall] = [flag('hostname'), flag('iagn'), flag('removeall')]
  const list = addlist?.split(/[,\n]/).map((value) => value.trim()) ?? []
  const added = [...(addentry === undefined ? [] : [addentry.trim()]), ...list].filter(
    (value) => value !== '',
  )
  const removed = removeentry === undefined ? [] : [removeentry.trim()]
  if (added.length + removed.length === 0 && removeall !== true) throw new InputError('nothing is asked for')
  return {
    added,
    removed,
    removesAll: removeall === true,
    ...(source !== undefined && source !== '' && { source }),
    entry: {
      ...(description !== undefined && { description }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(hostname !== undefined && { hostname }),
      ...(iagn !== undefined && { iagn }),
    },
  }
}

function readJson(body: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw new InputError('the body is no JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InputError('no object')
  return { ...value }
}

/** UTC, with a blank or a `T` between date and time. */
function readExpiry(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const at = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d$/.test(text)
    ? Date.parse(`${text.replace(' ', 'T')}Z`)
    : Number.NaN
  if (Number.isNaN(at)) throw new InputError('expiry is no time')
  return at
}
