/** Close codes from one side to the other. Pure. */
import type { IncidentClosing } from '../incident-sink.ts'
import { Refused } from '../refused.ts'
import { labelLike } from './fields.ts'
import { listed } from './values.ts'
import { closeCodeField } from './wire.ts'

type CodeMap = Readonly<Record<string, string>>

const defaultKey = 'default'

/** As it is, else without regard to case. */
function entryOf(map: CodeMap, wanted: string): string | undefined {
  const key = labelLike(
    Object.keys(map).filter((each) => each !== defaultKey),
    wanted,
  )
  return key === undefined ? undefined : map[key]
}

export interface MappedCode {
  /** undefined: there is none for the reason. */
  readonly label: string | undefined
  /** Whether the label is the reason, or what somebody said that it means: then the reason itself need not be told. */
  readonly isExact: boolean
}

/**
 * @param reason why the ticket was closed, in the desk's words
 * @param labels of the field; undefined: they are not known
 * @throws Refused where `closeMap` names a label that the field does not have
 */
export function sinkCode(
  reason: string | undefined,
  closeMap: CodeMap,
  labels: readonly string[] | undefined,
): MappedCode {
  const known = (label: string, key: string): string => {
    const found = labels === undefined ? label : labelLike(labels, label)
    if (found !== undefined) return found
    throw new Refused(
      `closeMap gives "${label}" for "${key}", which ${closeCodeField} does not have; it takes one of ${listed(labels ?? [])}`,
    )
  }
  const mapped = reason === undefined ? undefined : entryOf(closeMap, reason)
  if (reason !== undefined && mapped !== undefined) return { label: known(mapped, reason), isExact: true }
  const equal = reason === undefined ? undefined : labelLike(labels ?? [], reason)
  if (equal !== undefined) return { label: equal, isExact: true }
  const otherwise = closeMap[defaultKey]
  if (otherwise !== undefined) return { label: known(otherwise, defaultKey), isExact: false }
  return { label: undefined, isExact: false }
}

/** Best first. */
export function deskCodes({ code }: IncidentClosing, closeCodes: CodeMap): readonly string[] {
  const mapped = code === undefined ? undefined : entryOf(closeCodes, code)
  const codes = [mapped, code, closeCodes[defaultKey]].filter((each) => each !== undefined)
  return [...new Set(codes)]
}
