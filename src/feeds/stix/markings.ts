/**
 * Traffic Light Protocol as marking definitions. Ids and content are published: those of TLP 2.0 by OASIS
 * (cti-stix-common-objects, extension-definition-specifications/tlp-2.0), those of TLP 1 in STIX 2.1, section 7.2.1.4.
 */
import { type Tlp, tlpLevels } from '../../model/indicator.ts'

/** Which version of the protocol a consumer knows. */
export type TlpVersion = 1 | 2

interface MarkingDefinition {
  readonly type: 'marking-definition'
  readonly spec_version: '2.1'
  readonly id: `marking-definition--${string}`
  readonly created: string
  readonly name: string
}

/** STIX 2.1 has no marking of TLP 2.0 of its own; this extension is how consumers know it. */
const extension = 'extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d'

const ids2: Readonly<Record<Tlp, string>> = {
  clear: '94868c89-83c2-464b-929b-a1a8aa3c8487',
  green: 'bab4a63c-aed9-4cf5-a766-dfca5abac2bb',
  amber: '55d920b0-5e8b-4f79-9ee9-91f868d9b421',
  'amber+strict': '939a9414-2ddd-4d32-a0cd-375ea402b003',
  red: 'e828b379-4e03-4974-9ac4-e53a884c97c1',
}

const ids1 = {
  white: '613f2e26-407d-48c7-9eca-b8e91df99dc9',
  green: '34098fce-860f-48ae-8e50-ebd3cc5e41da',
  amber: 'f88d31f6-486f-44da-b317-01333bde0b82',
  red: '5e57c739-391a-4eb3-b6be-7d15ca92d5ed',
} as const

/**
 * AMBER+STRICT is for the recipient's organization alone, while TLP 1's AMBER lets its clients have it too: only RED
 * lets nobody have what its owner did not allow.
 */
const asTlp1: Readonly<Record<Tlp, keyof typeof ids1>> = {
  clear: 'white',
  green: 'green',
  amber: 'amber',
  'amber+strict': 'red',
  red: 'red',
}

/** The object that stands for a level; not versioned: it has no `modified`. */
export function tlpMarking(tlp: Tlp, version: TlpVersion = 2): MarkingDefinition {
  const base = { type: 'marking-definition', spec_version: '2.1' } as const
  if (version === 2) {
    return {
      ...base,
      id: `marking-definition--${ids2[tlp]}`,
      created: '2022-10-01T00:00:00.000Z',
      name: `TLP:${tlp.toUpperCase()}`,
      ...{ extensions: { [extension]: { extension_type: 'property-extension', tlp_2_0: tlp } } },
    }
  }
  const level = asTlp1[tlp]
  return {
    ...base,
    id: `marking-definition--${ids1[level]}`,
    created: '2017-01-20T00:00:00.000Z',
    name: `TLP:${level.toUpperCase()}`,
    ...{ definition_type: 'tlp', definition: { tlp: level } },
  }
}

const tlp1Refs: ReadonlyMap<string, string> = new Map(
  tlpLevels.map((tlp) => [`"${tlpMarking(tlp, 2).id}"`, `"${tlpMarking(tlp, 1).id}"`]),
)
const tlp2Ref = new RegExp([...tlp1Refs.keys()].join('|'), 'g')

/**
 * JSON of objects marked by TLP 2.0, marked by TLP 1 instead. The quotation marks are part of what is looked for: in a
 * text that holds such an id they are escaped.
 */
export function withTlp1(json: string): string {
  return json.replaceAll(tlp2Ref, (ref) => tlp1Refs.get(ref) ?? ref)
}
