/** All subjects, in the order in which they are told. */
import { config } from './config.ts'
import { csv } from './csv.ts'
import { cursors } from './cursors.ts'
import { http } from './http.ts'
import { json } from './json.ts'
import { lists } from './lists.ts'
import { markdown } from './markdown.ts'
import { misp } from './misp.ts'
import type { Subject } from './property.ts'
import { queries } from './queries.ts'
import { redaction } from './redaction.ts'
import { stix } from './stix.ts'
import { syntaxes } from './syntaxes.ts'
import { templates } from './templates.ts'
import { values } from './values.ts'

export const subjects: readonly Subject[] = [
  queries,
  values,
  cursors,
  csv,
  json,
  lists,
  syntaxes,
  stix,
  misp,
  config,
  markdown,
  templates,
  redaction,
  http,
]
