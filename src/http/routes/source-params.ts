import Type from 'typebox'

/** The source in an address. */
export const sourceParams = Type.Object({
  name: Type.String({ maxLength: 64, description: 'Name of the configured source.', examples: ['tc'] }),
})
