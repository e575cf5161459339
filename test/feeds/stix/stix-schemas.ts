/**
 * The rules of STIX 2.1 for the objects that the server makes, as JSON Schema: written from the OASIS standard
 * (sections 2, 3, 4, 7 and 8), strict in what it leaves open: a member that a type does not have is refused.
 */

import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
const idOf = (type: string) => ({ type: 'string', pattern: `^${type}--${uuid}$` })
const anyId = idOf('[a-z][a-z0-9-]*[a-z0-9]')
/** Section 3.2: created and modified have exactly three digits; the others here are written alike. */
const timestamp = {
  type: 'string',
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
}
const text = { type: 'string', minLength: 1 }
const texts = { type: 'array', minItems: 1, items: text }

/** Under this name an id is one of that catalogue (section 2.5.2). */
function reserved(name: string, pattern: string): object {
  return {
    anyOf: [
      { properties: { source_name: { not: { const: name } } } },
      { properties: { external_id: { pattern } }, required: ['external_id'] },
    ],
  }
}

const externalReference = {
  type: 'object',
  properties: {
    source_name: text,
    description: text,
    url: { type: 'string', format: 'uri', pattern: '^https?://' },
    external_id: text,
  },
  required: ['source_name'],
  anyOf: [{ required: ['description'] }, { required: ['url'] }, { required: ['external_id'] }],
  allOf: [reserved('cve', '^CVE-\\d{4}-\\d{4,}$'), reserved('capec', '^CAPEC-\\d+$')],
  additionalProperties: false,
}

/** Section 3.2, for domain objects. */
const common = {
  spec_version: { const: '2.1' },
  created_by_ref: idOf('identity'),
  created: timestamp,
  modified: timestamp,
  revoked: { type: 'boolean' },
  labels: texts,
  confidence: { type: 'integer', minimum: 0, maximum: 100 },
  external_references: { type: 'array', minItems: 1, items: externalReference },
  object_marking_refs: { type: 'array', minItems: 1, items: idOf('marking-definition') },
}

function domainObject(type: string, own: Record<string, object>, required: readonly string[] = []) {
  return {
    type: 'object',
    properties: { type: { const: type }, id: idOf(type), name: text, description: text, ...common, ...own },
    required: ['type', 'spec_version', 'id', 'created', 'modified', 'name', ...required],
    additionalProperties: false,
  }
}

const tlp2 = 'extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d'

/** Exactly these five, and exactly those four: no other marking of either protocol may be made. */
const markings = {
  oneOf: [
    ...[
      ['94868c89-83c2-464b-929b-a1a8aa3c8487', 'clear'],
      ['bab4a63c-aed9-4cf5-a766-dfca5abac2bb', 'green'],
      ['55d920b0-5e8b-4f79-9ee9-91f868d9b421', 'amber'],
      ['939a9414-2ddd-4d32-a0cd-375ea402b003', 'amber+strict'],
      ['e828b379-4e03-4974-9ac4-e53a884c97c1', 'red'],
    ].map(([id, level = '']) => ({
      const: {
        type: 'marking-definition',
        spec_version: '2.1',
        id: `marking-definition--${id}`,
        created: '2022-10-01T00:00:00.000Z',
        name: `TLP:${level.toUpperCase()}`,
        extensions: { [tlp2]: { extension_type: 'property-extension', tlp_2_0: level } },
      },
    })),
    ...[
      ['613f2e26-407d-48c7-9eca-b8e91df99dc9', 'white'],
      ['34098fce-860f-48ae-8e50-ebd3cc5e41da', 'green'],
      ['f88d31f6-486f-44da-b317-01333bde0b82', 'amber'],
      ['5e57c739-391a-4eb3-b6be-7d15ca92d5ed', 'red'],
    ].map(([id, level = '']) => ({
      const: {
        type: 'marking-definition',
        spec_version: '2.1',
        id: `marking-definition--${id}`,
        created: '2017-01-20T00:00:00.000Z',
        name: `TLP:${level.toUpperCase()}`,
        definition_type: 'tlp',
        definition: { tlp: level },
      },
    })),
  ],
}

const schemas: Readonly<Record<string, object>> = {
  indicator: domainObject(
    'indicator',
    {
      indicator_types: {
        type: 'array',
        minItems: 1,
        items: {
          enum: [
            'anomalous-activity',
            'anonymization',
            'benign',
            'compromised',
            'malicious-activity',
            'attribution',
            'unknown',
          ],
        },
      },
      pattern: text,
      pattern_type: { const: 'stix' },
      pattern_version: { const: '2.1' },
      valid_from: timestamp,
      valid_until: timestamp,
    },
    ['pattern', 'pattern_type', 'valid_from'],
  ),
  identity: domainObject('identity', {
    identity_class: { enum: ['individual', 'group', 'system', 'organization', 'class', 'unknown'] },
  }),
  'marking-definition': markings,
  malware: domainObject('malware', { is_family: { type: 'boolean' } }, ['is_family']),
  report: domainObject(
    'report',
    { published: timestamp, object_refs: { type: 'array', minItems: 1, uniqueItems: true, items: anyId } },
    ['published', 'object_refs'],
  ),
  ...Object.fromEntries(
    [
      'attack-pattern',
      'campaign',
      'course-of-action',
      'intrusion-set',
      'tool',
      'vulnerability',
      'threat-actor',
      'incident',
    ].map((type) => [type, domainObject(type, {})]),
  ),
}

const bundle = {
  type: 'object',
  properties: {
    type: { const: 'bundle' },
    id: idOf('bundle'),
    objects: { type: 'array', minItems: 1, items: { type: 'object' } },
  },
  required: ['type', 'id'],
  additionalProperties: false,
}

const ajv = new Ajv2020({ allErrors: true, strict: false })
addFormats.default(ajv)
const validators = new Map(Object.entries(schemas).map(([type, schema]) => [type, ajv.compile(schema)]))
const validateBundle = ajv.compile(bundle)

interface Stix {
  readonly type: string
  readonly id?: string
  readonly created?: string
  readonly modified?: string
  readonly valid_from?: string
  readonly valid_until?: string
}

/** What is wrong with an object; empty: nothing. Rules between two members are beside the schemas. */
export function stixFaults(object: Stix): string[] {
  const validate = validators.get(object.type)
  if (validate === undefined) return [`no type of STIX that we make: ${object.type}`]
  const valid: boolean = validate(object)
  const found = valid
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${object.id}${instancePath}: ${message}`)
  const { created = '', modified, valid_from = '', valid_until } = object
  if (modified !== undefined && modified < created) found.push(`${object.id}: modified before created`)
  if (valid_until !== undefined && valid_until <= valid_from) {
    found.push(`${object.id}: valid_until is not after valid_from`)
  }
  return found
}

export function bundleFaults(value: { readonly objects?: readonly Stix[] }): string[] {
  const found = validateBundle(value) ? [] : [JSON.stringify(validateBundle.errors)]
  const objects = value.objects ?? []
  const ids = new Set(objects.map(({ id }) => id))
  if (ids.size !== objects.length) found.push('an id comes twice')
  return [...found, ...objects.flatMap(stixFaults)]
}
