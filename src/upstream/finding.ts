/** One line of a doctor's report: what was looked at, and for what is wrong the cause and the remedy. */
export interface Finding {
  readonly name: string
  readonly ok: boolean
  /** What was seen, in short: addresses, dates, names, counts. Never a secret. */
  readonly evidence?: string
  readonly cause?: string
  readonly remedy?: string
}

export function passed(name: string, evidence = ''): Finding {
  return { name, ok: true, ...(evidence !== '' && { evidence }) }
}

export function failed(name: string, cause: string, remedy: string): Finding {
  return { name, ok: false, cause, remedy }
}
