/** The routes that a running server really has, from its router. */
import type { App } from '../../../src/http/app.ts'

/** `GET /api/v1/feeds/:name`, sorted; HEAD is told as any other method. */
export function serverRoutes(app: App): readonly string[] {
  // A tree: each line continues the address of the line above it that stands further to the left.
  const addresses: string[] = []
  const found = new Set<string>()
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', text = '', methods = ''] = /^(.*?)[└├]── (\S+)(?: \((.*)\))?$/.exec(line) ?? []
    if (text === '') continue
    const depth = indent.length / 4
    // Two names of one parameter stand at one node; which of them a route has is not told.
    const address = (depth === 0 ? '' : (addresses[depth - 1] ?? '')) + text.replace(/\|:\w+/, '')
    addresses.length = depth
    addresses.push(address)
    for (const method of methods.split(', ')) if (method !== '') found.add(`${method} ${address}`)
  }
  return [...found].sort()
}

/** The same address whatever its parameters are called, in the router's words or in OpenAPI's. */
export function shapeOf(address: string): string {
  return address.replaceAll(/:\w+|\{\w+\}/g, '{}')
}
