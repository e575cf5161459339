/** International names in ASCII. */
import { domainToASCII } from 'node:url'

/** `idna`. @throws Error where the name can not be written in ASCII */
export function toAsciiName(text: string): string {
  // What is ASCII stays: the function below takes it for a host, and 0x7f.1 for an address.
  if (/^[\0-\x7f]*$/.test(text)) return text
  const name = domainToASCII(text.toWellFormed())
  if (name === '') throw new Error('its value is not a name that can be written in ASCII')
  return name
}

const [base, smallest, largest, skew, damp, firstBias, firstCode] = [36, 1, 26, 38, 700, 72, 128] as const

/** `punycode`: the whole text by RFC 3492, section 6.3; without the prefix of a name. */
export function toPunycode(text: string): string {
  const codes = [...text].map((char) => char.codePointAt(0) ?? 0)
  const basic = codes.filter((code) => code < firstCode)
  const output = basic.map((code) => String.fromCharCode(code))
  if (basic.length > 0) output.push('-')
  let handled = basic.length
  let code: number = firstCode
  let delta = 0
  let bias: number = firstBias
  for (const next of [...new Set(codes.filter((other) => other >= firstCode))].sort((a, b) => a - b)) {
    delta += (next - code) * (handled + 1)
    code = next
    for (const other of codes) {
      if (other < code) delta += 1
      if (other !== code) continue
      output.push(digitsOf(delta, bias))
      bias = adapted(delta, handled + 1, handled === basic.length)
      delta = 0
      handled += 1
    }
    delta += 1
    code += 1
  }
  return output.join('')
}

function digitsOf(delta: number, bias: number): string {
  let rest = delta
  let text = ''
  for (let k = base; ; k += base) {
    const threshold = Math.min(Math.max(k - bias, smallest), largest)
    if (rest < threshold) return text + rest.toString(base).replace(/./, punycodeDigit)
    text += (threshold + ((rest - threshold) % (base - threshold))).toString(base).replace(/./, punycodeDigit)
    rest = Math.floor((rest - threshold) / (base - threshold))
  }
}

/** From the digits 0-9a-z of JavaScript to a-z0-9. */
function punycodeDigit(digit: string): string {
  const value = Number.parseInt(digit, base)
  return value < 26 ? String.fromCharCode(0x61 + value) : String(value - 26)
}

function adapted(delta: number, points: number, first: boolean): number {
  let rest = first ? Math.floor(delta / damp) : delta >> 1
  rest += Math.floor(rest / points)
  let k = 0
  for (; rest > ((base - smallest) * largest) >> 1; k += base) rest = Math.floor(rest / (base - smallest))
  return k + Math.floor(((base - smallest + 1) * rest) / (rest + skew))
}
