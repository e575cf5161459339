/**
 * MiniJinja with a memory that can't grow past a limit, as many times anew as needed. The package instantiates its
 * WebAssembly once, without a limit: a text doubled in a loop takes gigabytes, and after a panic the one instance is
 * unusable. So its glue is run here with our instance in place of its own.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { compileFunction } from 'node:vm'

type MiniJinja = typeof import('minijinja-js')

export interface MiniJinjaInstance {
  readonly Environment: MiniJinja['Environment']
  memoryBytes(): number
}

/** The part of the JavaScript API that is used; Node's types do not declare it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => object
}

interface Glue {
  readonly Environment: MiniJinja['Environment']
  readonly __wasm: { readonly memory: { readonly buffer: ArrayBuffer } }
}

const pageBytes = 65_536
const memorySection = 5

/**
 * Reads the package and compiles it.
 * @returns what gives a new instance each time it is called; about a millisecond
 */
export function boundedMiniJinja(memoryBytes: number): () => MiniJinjaInstance {
  const require = createRequire(import.meta.url)
  const gluePath = require.resolve('minijinja-js')
  const folder = dirname(gluePath)
  const glueText = readFileSync(gluePath, 'utf8')
  const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }
  const bytes = readFileSync(join(folder, 'minijinja_js_bg.wasm'))
  const compiled = new WebAssembly.Module(withMemoryLimit(bytes, Math.floor(memoryBytes / pageBytes)))
  const surroundings = {
    require: (name: string) => (name === 'fs' ? { readFileSync: () => bytes } : require(name)),
    __dirname: folder,
    WebAssembly: {
      Module: function Compiled() {
        return compiled
      },
      Instance: WebAssembly.Instance,
    },
    // It would free an environment of a broken instance, and what it throws then ends the process.
    FinalizationRegistry: undefined,
    // Panics come as errors; they are not printed as well.
    console: { error: () => undefined },
  }
  const run = compileFunction(glueText, ['module', 'exports', ...Object.keys(surroundings)], {
    filename: gluePath,
  })
  return () => {
    const module: { readonly exports: Partial<Glue> } = { exports: {} }
    run(module, module.exports, ...Object.values(surroundings))
    const { Environment, __wasm } = module.exports
    if (Environment === undefined || __wasm === undefined)
      throw new Error('minijinja-js is not the one that is known')
    return { Environment, memoryBytes: () => __wasm.memory.buffer.byteLength }
  }
}

/** The module with a largest size in its memory section (WebAssembly 2.0 core, 5.5.8: flag 1, smallest, largest). */
function withMemoryLimit(bytes: Uint8Array, pages: number): Uint8Array {
  for (let at = 8; at < bytes.length; ) {
    const [size, body] = readNumber(bytes, at + 1)
    if (bytes[at] === memorySection) {
      const [count, flagAt] = readNumber(bytes, body)
      const [flag, smallestAt] = readNumber(bytes, flagAt)
      const [smallest] = readNumber(bytes, smallestAt)
      if (count !== 1 || flag !== 0 || smallest > pages) break
      const section = [...numberBytes(1), ...numberBytes(1), ...numberBytes(smallest), ...numberBytes(pages)]
      return Buffer.concat([
        bytes.subarray(0, at),
        Uint8Array.from([memorySection, ...numberBytes(section.length), ...section]),
        bytes.subarray(body + size),
      ])
    }
    at = body + size
  }
  throw new Error('the memory of minijinja-js can not be limited: its module is not the one that is known')
}

/** Unsigned LEB128. @returns the number, and where the next begins */
function readNumber(bytes: Uint8Array, start: number): readonly [value: number, next: number] {
  let value = 0
  for (let at = start, shift = 0; ; at++, shift += 7) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return [value, at + 1]
  }
}

function numberBytes(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...numberBytes(value >>> 7)]
}
