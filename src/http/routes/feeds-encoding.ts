/** Which encoding of a body a client gets (RFC 9110, 12.5.3). */
import { type Encoding, encodings } from '../../store/feed-store.ts'

/**
 * The one that it prefers; of those that it takes alike the smallest. Identity where it takes none of ours: a list in
 * plain bytes helps more than an error.
 * @param header `Accept-Encoding` as received
 */
export function chooseEncoding(
  header: string | undefined,
  sizes: Readonly<Record<Encoding, number>>,
): Encoding {
  if (header === undefined || header === '') return 'identity'
  const given = parsed(header)
  let chosen: Encoding = 'identity'
  let best = 0
  for (const encoding of encodings) {
    const quality = given.get(encoding) ?? given.get('*') ?? (encoding === 'identity' ? undefined : 0)
    // Identity is always taken, after whatever is asked for.
    const weight = quality ?? Number.MIN_VALUE
    if (weight > best || (weight === best && weight > 0 && sizes[encoding] < sizes[chosen])) {
      chosen = encoding
      best = weight
    }
  }
  return chosen
}

const aliases: Readonly<Record<string, string>> = { 'x-gzip': 'gzip' }

function parsed(header: string): ReadonlyMap<string, number> {
  const given = new Map<string, number>()
  for (const entry of header.toLowerCase().split(',')) {
    const [coding = '', ...options] = entry.split(';').map((part) => part.trim())
    const weight = options.find((option) => option.startsWith('q='))?.slice(2)
    const quality = weight === undefined ? 1 : Number(weight)
    if (coding !== '') given.set(aliases[coding] ?? coding, Number.isFinite(quality) ? quality : 0)
  }
  return given
}
