/** The doctor of a bridge: of both of its sides. */
import type { Finding } from '../../connector.ts'
import type { Bridge } from './bridge.ts'

export async function checkBridge(
  { desk, sink }: Pick<Bridge, 'desk' | 'sink'>,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const [ofDesk, ofSink] = await Promise.all([desk.check(signal), sink.check(signal)])
  return [...named('desk', ofDesk), ...named('sink', ofSink)]
}

function named(side: string, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => ({ ...finding, name: `${side} ${finding.name}` }))
}
