/** Every kind of exporter. A new one is a folder and a line here. */
import type { ExporterKind } from '../config/schema.ts'
import { cofenseSettings } from './cofense/settings.ts'
import { darktraceSettings } from './darktrace/settings.ts'
import { secureworksSettings } from './secureworks/settings.ts'

export const exporters: readonly ExporterKind[] = [
  { kind: 'secureworks', title: 'Secureworks Taegis XDR', settings: secureworksSettings },
  { kind: 'darktrace', title: 'Darktrace watched domains', settings: darktraceSettings },
  { kind: 'cofense', title: 'Cofense Triage', settings: cofenseSettings, objectsPerRun: 10_000 },
]
