/** What lists of tickets and of effects have in common. */
import Type from 'typebox'
import { Nullable } from '../schema.ts'

export const paged = {
  next: Nullable(Type.String(), { description: '`cursor` of the next page; null: there is none.' }),
  links: Type.Object({ next: Nullable(Type.String(), { description: 'Address of the next page.' }) }),
}

export const ofBridge = {
  bridge: Type.Optional(
    Type.String({ maxLength: 64, description: 'Only those of this bridge.', examples: ['ctp'] }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 100,
      description: 'Most of a page.',
      examples: [100],
    }),
  ),
}
