/** The settings of a webhook as an incident sink. */
import Type, { type Static } from 'typebox'
import { Secret, Section } from '../../config/schema-types.ts'

export const webhookSettings = Section(
  {
    // Tines, n8n and Shuffle put a secret into the address itself.
    url: Type.String({
      pattern: '^https?://[^\\s@#]+$',
      writeOnly: true,
      'x-secret': true,
      'x-takes': 'an http or https address without user and password',
      description:
        'Where each event of a ticket is posted, as JSON. May hold a secret, so it is never shown.',
    }),
    secret: Type.Optional(
      Secret({
        description: 'Signs each post (HMAC-SHA256, header X-Signature). Absent: posts are not signed.',
      }),
    ),
    headers: Type.Record(Type.String(), Secret({ description: 'The value of a header; never shown.' }), {
      description: 'Headers that each post carries, such as Authorization. Default none.',
      default: {},
    }),
  },
  { description: 'Where tickets are posted.' },
)

export type WebhookSettings = Static<typeof webhookSettings>
