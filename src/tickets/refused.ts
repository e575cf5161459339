/**
 * Something can't be carried out as it is: trying again changes nothing until somebody mends a template, a setting or the
 * ticket. Nothing was sent. The message is shown to users: which field, what it takes, what was received.
 */
export class Refused extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'Refused'
  }
}
