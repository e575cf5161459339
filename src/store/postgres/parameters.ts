/** The values of a statement, in the order of their numbers. */
export interface Parameters {
  readonly values: unknown[]
  /** @returns its place in the statement: `$3` */
  add(value: unknown): string
}

export function parameters(...values: unknown[]): Parameters {
  return {
    values,
    add(value) {
      values.push(value)
      return `$${values.length}`
    },
  }
}
