/**
 * How to read a feed with a product: the address and every setting to type, in the product's own words. Labels differ
 * somewhat between versions of a product.
 */
import { ServiceError } from '../errors.ts'
import { fortigate, panos } from './recipes/firewalls.ts'
import { misp, opencti, sentinel, taegis } from './recipes/platforms.ts'
import type { RecipeBody, RecipeFeed } from './recipes/recipe.ts'
import { n8n, splunk, xsoar } from './recipes/soars.ts'

const recipes = { xsoar, panos, fortigate, misp, opencti, splunk, sentinel, n8n, taegis } as const

export type Consumer = keyof typeof recipes
export const consumers = Object.keys(recipes) as readonly Consumer[]

export interface Recipe extends RecipeBody {
  readonly consumer: Consumer
}

/** @throws ServiceError RECIPE_UNKNOWN */
export function recipe(product: string, feed: RecipeFeed): Recipe {
  const consumer = consumers.find((each) => each === product)
  if (consumer === undefined) {
    throw new ServiceError('RECIPE_UNKNOWN', `no recipe for "${product}"; there are: ${consumers.join(', ')}`)
  }
  return { consumer, ...recipes[consumer](feed) }
}

export function recipeMarkdown({ title, steps, settings, snippets }: Recipe): string {
  const rows = Object.entries(settings).map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`)
  const numbered = steps.map((step, index) => `${index + 1}. ${step}`)
  const pasted = snippets.flatMap(({ where, text }) => [`${where}:`, '', '```', text.trimEnd(), '```', ''])
  const table = ['| Setting | Value |', '| --- | --- |', ...rows, '']
  return [`# ${title}`, '', ...numbered, '', ...table, ...pasted].join('\n')
}

function cell(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}
