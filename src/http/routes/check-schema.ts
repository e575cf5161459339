/** What the doctor answers, of whatever it looked at. */
import Type from 'typebox'
import type { Finding } from '../../connector.ts'

/** @param names of the checks, in words */
export function checkAnswer(names: string) {
  return Type.Object({
    ok: Type.Boolean({ description: 'Whether every check is good.' }),
    checks: Type.Array(
      Type.Object({
        name: Type.String({ description: names }),
        ok: Type.Boolean(),
        evidence: Type.Optional(Type.String({ description: 'What was seen.' })),
        cause: Type.Optional(Type.String({ description: 'What is wrong.' })),
        remedy: Type.Optional(Type.String({ description: 'How to mend it.' })),
      }),
      { description: 'In the order looked at; what a failure hides is left out.' },
    ),
  })
}

export function checked(checks: readonly Finding[]) {
  return { ok: checks.every(({ ok }) => ok), checks: [...checks] }
}
