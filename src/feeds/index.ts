/** Every format and profile, in the order in which users are told of them. */
import type { IndicatorType } from '../model/indicator.ts'
import { checkpointProfile } from './formats/checkpoint.ts'
import { csvFormat } from './formats/csv.ts'
import { excelProfile } from './formats/excel.ts'
import { firewallProfiles, panosUrlProfile } from './formats/firewalls.ts'
import {
  edlJsonFormat,
  jsonFormat,
  mineMeldJsonFormat,
  mineMeldSequenceFormat,
  ndjsonFormat,
} from './formats/json.ts'
import { mispEventFormat } from './formats/misp.ts'
import { nameServerProfiles } from './formats/name-servers.ts'
import type { Extension, FormatDefinition, FormatOptions } from './formats/options.ts'
import { mwgProfile, proxysgProfile } from './formats/proxies.ts'
import { textFormat } from './formats/text-list.ts'
import { xsoarProfile, xsoarSequenceFormat } from './formats/xsoar.ts'
import { stixFormat } from './stix/bundle.ts'
import { stixTypes } from './stix/objects.ts'

/** By extension, without a profile; the first is what a request gets that names none. */
export const feedFormats: readonly FormatDefinition[] = [
  jsonFormat,
  ndjsonFormat,
  csvFormat,
  textFormat,
  {
    name: 'stix.json',
    about: 'STIX 2.1 bundle',
    extensions: ['stix.json'],
    types: stixTypes,
    takes: ['tlp'],
    holds: [],
    build: ({ tlp }) => stixFormat({ tlp }),
  },
  {
    name: 'misp.json',
    about: 'MISP event; `manifest.json` and `hashes.csv` beside it make the feed',
    extensions: ['misp.json'],
    takes: [],
    holds: [],
    build: () => mispEventFormat,
  },
]

/** By `profile`. */
export const feedProfiles: readonly FormatDefinition[] = [
  ...firewallProfiles,
  checkpointProfile,
  proxysgProfile,
  mwgProfile,
  ...nameServerProfiles,
  xsoarProfile,
  excelProfile,
]

/** A format as another product asks for it. */
export interface ForeignFormat {
  readonly definition: FormatDefinition
  /** What it is there where nothing is said. */
  readonly defaults?: Partial<FormatOptions>
  readonly types?: readonly IndicatorType[]
  /** The only one of the definition's extensions that is meant. */
  readonly only?: Extension
}

// XSOAR's own defaults: networks wider than /8 are left out, wildcards come with their names, an empty list says so.
const edlText: ForeignFormat = {
  definition: textFormat,
  defaults: { minPrefix: 8, expandGlobs: true, emptyComment: true },
}
const edlFields = [
  { field: 'value', as: 'name' },
  { field: 'xsoarType', as: 'type' },
]
const proxysg: ForeignFormat = { definition: proxysgProfile }
const mwg: ForeignFormat = { definition: mwgProfile }

/** Formats of XSOAR and MineMeld, by `v`. The two mean different forms by `JSON` and `json`. */
export const foreignFormats: ReadonlyMap<string, ForeignFormat> = new Map<string, ForeignFormat>([
  ['PAN-OS (text)', edlText],
  ['text', edlText],
  ['CSV', { definition: csvFormat, defaults: { fields: edlFields } }],
  ['csv', { definition: csvFormat }],
  ['JSON', { definition: edlJsonFormat }],
  ['json', { definition: mineMeldJsonFormat }],
  ['json-seq', { definition: mineMeldSequenceFormat }],
  ['XSOAR json', { definition: xsoarProfile, only: 'json' }],
  ['XSOAR csv', { definition: xsoarProfile, only: 'csv' }],
  ['XSOAR json-seq', { definition: xsoarSequenceFormat }],
  ['mwg', mwg],
  ['McAfee Web Gateway', mwg],
  ['proxysg', proxysg],
  ['bluecoat', proxysg],
  ['Symantec ProxySG', proxysg],
  ['panosurl', { definition: panosUrlProfile, types: ['domain', 'url'] }],
])
