/** Media types of TAXII 2.1, section 1.6.8. */

export const taxiiMediaType = 'application/taxii+json;version=2.1'
export const stixMediaType = 'application/stix+json;version=2.1'

/**
 * Whether an answer of TAXII 2.1 is one that the client takes. Spacing, case and quotation marks do not count, nor do
 * parameters that are not `version`; JSON of no particular kind is served too, and so is what FortiGate asks for, which
 * reads both versions. A client of TAXII 2.0 must not be: XSOAR tries that version first and goes on to 2.1 only after
 * a 406.
 */
export function isAcceptable(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range
      .toLowerCase()
      .split(';')
      .map((part) => part.replaceAll(/[\s"]/g, ''))
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false
    if (type === 'application/vnd.oasis.stix+json') return true
    if (!/^(\*\/\*|application\/(\*|json|(taxii|stix)\+json))$/.test(type)) return false
    const version = parameters.find((parameter) => parameter.startsWith('version='))
    return version === undefined || version === 'version=2.1'
  })
}
