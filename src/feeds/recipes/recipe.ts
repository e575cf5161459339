/** What a recipe is made of. */
import type { IndicatorType } from '../../model/indicator.ts'

export interface RecipeBody {
  readonly title: string
  readonly steps: readonly string[]
  /** What to type: the name of the field in the product, and its value. */
  readonly settings: Readonly<Record<string, string>>
  /** What to paste: where, and the text. */
  readonly snippets: readonly Snippet[]
}

interface Snippet {
  readonly where: string
  readonly text: string
}

export interface RecipeFeed {
  readonly name: string
  /** Empty: all. */
  readonly types: readonly IndicatorType[]
  /** Address of the server as the product reaches it, without a slash at its end. */
  readonly base: string
  /** Of its TAXII collection. */
  readonly collectionId: string
}

/** Stand for what only the reader has. */
export const keyId = '<key id>'
export const key = '<API key>'

const loopback = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

/** The addresses of a feed, and what several recipes say. */
export function parts({ name, types, base }: RecipeFeed) {
  const folder = `${base}/feeds/${name}`
  const keyed = (product: string) =>
    `Make a key that reads only this feed: \`feed-server keys create ${product} --scopes feeds:read:${name}\`, add the entry that it prints to \`auth.keys\`, and have the server read its configuration again (SIGHUP, or a restart). Its id, the ${keyId} below, is \`${product}\`.`
  return {
    folder,
    has: (...wanted: readonly IndicatorType[]) =>
      types.length === 0 || wanted.some((type) => types.includes(type)),
    list: (extension: string, query = '') => `${folder}.${extension}${query === '' ? '' : `?${query}`}`,
    profile: (profile: string, query = '') =>
      `${folder}?profile=${profile}${query === '' ? '' : `&${query}`}`,
    /** A key, and an address that the product can reach. */
    prepare: (product: string) => [keyed(product), ...(loopback.test(base) ? [onlyHere(base)] : [])],
    /** @param why what needs https */
    needsHttps: (why: string) =>
      base.startsWith('https://')
        ? []
        : [
            `${why}: put a TLS proxy before this server and set \`server.publicUrl\` to its address; then read this recipe again.`,
          ],
  }
}

function onlyHere(base: string): string {
  return `This server is asked at ${base}, which nothing but this machine reaches: set \`server.publicUrl\` to the address that the product reaches; then read this recipe again.`
}
