/** The settings of an IBM SOAR incident sink. */
import Type, { type Static, type TUnsafe } from 'typebox'
import {
  DurationOrOff,
  eitherOf,
  FilePath,
  HttpUrl,
  Secret,
  Section,
  Text,
  TextMap,
  Words,
} from '../../config/schema-types.ts'

/** A template is a file (loaded as its absolute path) or stands in place (leaf mode). */
export type TemplateSetting = string | Readonly<Record<string, unknown>>

function Template(what: string): TUnsafe<TemplateSetting> {
  return Type.Unsafe<TemplateSetting>({
    anyOf: [
      FilePath({
        pattern: '[.](jinja|json|ya?ml)$',
        description: 'A file relative to the configuration.',
        'x-takes': 'the path of a file that can be read and ends in .jinja, .json, .yaml or .yml',
      }),
      { type: 'object' },
    ],
    description: `${what}: a file relative to this one (.jinja: legacy text; .json, .yaml: each text in it is a template), or such a map in place. Absent: our own.`,
  })
}

function TextTemplate(what: string) {
  return FilePath({
    pattern: '[.](jinja|txt|html)$',
    description: `${what}: a file relative to this one. Absent: our own.`,
    'x-takes': 'the path of a file that can be read and ends in .jinja, .txt or .html',
  })
}

/** Whose value stays when both sides changed a field. */
export const fieldPolicies = ['ctp_wins', 'sink_wins'] as const

export const ibmSoarSettings = Section(
  {
    baseUrl: HttpUrl({ description: 'Address of the SOAR server: https://soar.example.org' }),
    org: Type.Optional(Text({ description: 'Name of the organisation, in place of orgId.' })),
    orgId: Type.Optional(
      Type.Integer({ description: 'Id of the organisation, in place of org, 1 or more.', minimum: 1 }),
    ),
    apiKeyId: Text({ description: 'Id of the API key.' }),
    apiKeySecret: Secret({ description: 'Secret of the API key.' }),
    templates: Section(
      {
        escalate: Type.Optional(Template('The incident that a new ticket becomes')),
        update: Type.Optional(Template('What a changed ticket changes in its incident')),
        close: Type.Optional(Template('What a closed ticket changes in its incident')),
        note: Type.Optional(TextTemplate('The note that a worklog of a ticket becomes, as HTML')),
        comment: Type.Optional(TextTemplate('The worklog that a comment of an incident becomes, as text')),
      },
      { description: 'How tickets become incidents.' },
    ),
    closeMap: TextMap({
      description:
        "CTP's closing reason to the label of scwx_ctp_close_code; the key default is for the reasons that are not named. Absent: the reason stays in the summary.",
      default: {},
    }),
    closeCodes: TextMap({
      description:
        "The label of scwx_ctp_close_code to CTP's close code; the key default is for the labels that are not named.",
      default: {},
    }),
    fieldPolicy: Type.Record(
      Type.String(),
      Words(fieldPolicies, { description: 'ctp_wins: the ticket; sink_wins: the incident.' }),
      {
        description:
          'Whose value stays where an analyst changed a field that the ticket changes too, by the name of the field. Default: sink_wins for name, description and severity_code, ctp_wins for the others.',
        default: {},
      },
    ),
    maxAttachmentMb: Type.Optional(
      Type.Integer({
        description:
          'Bigger attachments are not copied, a note tells of them. Default: what the server says, else 25.',
        minimum: 1,
        maximum: 1024,
      }),
    ),
    changesEvery: DurationOrOff({
      description:
        'How often closed incidents are looked for, 1s..24d; off: only the hook tells of them. Units ms, s, m, h, d. Default 60s.',
      minMs: 1000,
      default: '60s',
    }),
  },
  {
    description: 'How to reach an IBM SOAR organisation, and how tickets become incidents there.',
    ...eitherOf(['org'], ['orgId']),
  },
)

/** As loaded: `changesEvery` in milliseconds, null for off. */
export type IbmSoarSettings = Static<typeof ibmSoarSettings>
