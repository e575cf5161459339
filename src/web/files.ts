/** The dashboard's files: those of the folder `static`, and the chart library's two. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface WebFile {
  readonly name: string
  readonly mediaType: string
  readonly bytes: Buffer
}

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Name that the pages use -> module of the package. */
const ofPackages = {
  'uplot.js': 'uplot/dist/uPlot.esm.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
}

/** @throws Error when a file can't be read, or is of a kind that has no media type here */
export function webFiles(): WebFile[] {
  const folder = new URL('./static/', import.meta.url)
  const own = readdirSync(folder).map((name) => read(name, new URL(name, folder)))
  const others = Object.entries(ofPackages).map(([name, path]) => read(name, import.meta.resolve(path)))
  return [...own, ...others]
}

function read(name: string, url: URL | string): WebFile {
  const mediaType = mediaTypes[extname(name)]
  if (mediaType === undefined) throw new Error(`the dashboard's file ${name} has no media type`)
  return { name, mediaType, bytes: readFileSync(fileURLToPath(url)) }
}
