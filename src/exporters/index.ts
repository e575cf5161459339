/** Every kind of exporter. A new one is a folder and a line here. */
import { cofense } from './cofense/index.ts'
import { darktrace } from './darktrace/index.ts'
import type { ExporterDefinition } from './exporter.ts'
import { secureworks } from './secureworks/index.ts'

export const exporters: readonly ExporterDefinition[] = [secureworks, darktrace, cofense]
