/**
 * What stands for a connector while the server runs, so that another one can take its place: with a new secret, without
 * a restart. Its interface may have any number of methods, so this knows none of them.
 */

export interface Replaceable<Connector extends object> {
  /** Whoever has it calls the one of the moment; also by a method or a part of it that was taken out before. */
  readonly connector: Connector
  current(): Connector
  /**
   * Calls that come from now on are the next one's. Those under way end with the one they began with; it is nobody's
   * then.
   */
  replace(next: Connector): void
}

/** @param instead members that go their own way to the connector of the moment */
export function replaceable<Connector extends object>(
  first: Connector,
  instead: Partial<Connector> = {},
): Replaceable<Connector> {
  let current = first
  return {
    connector: standIn(() => current, instead),
    current: () => current,
    replace(next) {
      current = next
    },
  }
}

/** Members that are functions or hold some (`live`, `room`) are stood in for, too; lists and plain values are as they are now. */
function standIn<Part extends object>(current: () => Part, instead: Partial<Part> = {}): Part {
  const proxy = new Proxy<object>(instead, {
    has: (own, name) => name in own || name in current(),
    get(own, name) {
      if (Object.hasOwn(own, name)) return memberOf(own, name)
      const value = memberOf(current(), name)
      if (typeof value === 'function') return (...given: unknown[]) => call(current(), name, given)
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
      return standIn(() => {
        const now = memberOf(current(), name)
        if (typeof now !== 'object' || now === null)
          throw new TypeError(`there is no ${String(name)} any more`)
        return now
      })
    },
  })
  return proxy as Part
}

function call(part: object, name: string | symbol, given: readonly unknown[]): unknown {
  const method = memberOf(part, name)
  if (typeof method !== 'function') throw new TypeError(`there is no ${String(name)} any more`)
  return Reflect.apply(method, part, given)
}

/** A getter, too, may need what only the object itself has. */
function memberOf(part: object, name: string | symbol): unknown {
  return Reflect.get(part, name, part)
}
