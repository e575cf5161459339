/** Every kind of source. A new one is a folder and a line here. */
import type { SourceDefinition } from './source.ts'
import { threatconnect } from './threatconnect/index.ts'

export const sources: readonly SourceDefinition[] = [threatconnect]
