import Type from 'typebox'

/** How long a request waits for what it started. */
export const waitArguments = Type.Object({
  wait: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 600,
      default: 0,
      description: 'Seconds to wait for its end.',
      examples: [60],
    }),
  ),
})
