/** Which arguments of our filters go by name. */

const namesOf: Readonly<Record<string, readonly string[]>> = {
  json: ['indent'],
  pretty: ['indent'],
  tojson: ['indent'],
  soar_display_datetimeformat: ['milliseconds', 'rtn_format'],
  soar_datetimeformat: ['date_format', 'split_at'],
  soar_substitute: ['json_str'],
  soar_splitpart: ['index', 'split_chars'],
  default: ['default_value', 'boolean'],
  d: ['default_value', 'boolean'],
  center: ['width'],
  uniq: ['key'],
  sample: ['count'],
}

/**
 * MiniJinja gives keyword arguments as one Map behind the others, and nothing tells it from an object that is an
 * argument itself. So it is the former where it has members and the filter has an argument by each of their names;
 * for `format`, where its text has places with names.
 * @param last of the arguments as the engine gives them
 * @param value what is filtered
 */
export function isNamedArguments(last: unknown, filter: string, value: unknown): boolean {
  if (!(last instanceof Map) || last.size === 0) return false
  if (filter === 'format') return typeof value === 'string' && value.includes('%(')
  const names = Object.hasOwn(namesOf, filter) ? namesOf[filter] : undefined
  return names !== undefined && [...last.keys()].every((name) => names.includes(String(name)))
}
