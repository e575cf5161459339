/**
 * The text format of Prometheus as OpenMetrics 1.0 has it. The library's own writing of it renames its counters for good,
 * so that one registry could not give both.
 */

/** @param text format 0.0.4, of which every counter's name ends in `_total` */
export function openMetricsText(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '')
  const counters = new Set(lines.flatMap((line) => /^# TYPE (\S+)_total counter$/.exec(line)?.[1] ?? []))
  const family = lines.map((line) => {
    const head = /^(# (?:HELP|TYPE) )(\S+)_total( .*)$/.exec(line)
    return head?.[2] !== undefined && counters.has(head[2]) ? `${head[1]}${head[2]}${head[3]}` : line
  })
  return `${family.join('\n')}\n# EOF\n`
}
