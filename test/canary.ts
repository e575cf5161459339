/** Secrets that can be found wherever they stand, however they are written there. */
import pg from 'pg'

/** With characters that each way of writing spells differently. */
export const canary = (of: string) => `canary>${of}?/+%"\\${[...of].reverse().join('')}`

/** Characters that base64 makes of these bytes wherever they stand in a text. */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  })
}

/** Every way in which a text may be written. */
export function spellings(secret: string): ReadonlySet<string> {
  const json = JSON.stringify(secret).slice(1, -1)
  const url = encodeURIComponent(secret)
  const base64 = base64Of(secret)
  return new Set([
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    url,
    encodeURI(secret),
    new URLSearchParams({ '': secret }).toString().slice(1),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ...base64.map((text) => encodeURIComponent(text)),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('hex').toUpperCase(),
    Buffer.from(secret).toString('latin1'),
  ])
}

interface Leak {
  readonly secret: string
  readonly where: string
  readonly text: string
}

/** Where secrets stand. @param texts by where they come from */
export function leaksIn(
  texts: Iterable<readonly [where: string, text: string]>,
  secrets: ReadonlyMap<string, string>,
) {
  const needles = [...secrets].map(([name, secret]) => [name, [...spellings(secret)]] as const)
  const leaks: Leak[] = []
  for (const [where, text] of texts) {
    for (const [secret, ways] of needles) {
      const place = ways.map((way) => text.indexOf(way)).find((index) => index >= 0)
      if (place !== undefined)
        leaks.push({ secret, where, text: text.slice(Math.max(0, place - 200), place + 200) })
    }
  }
  return leaks
}

/** All rows of all tables, as the database writes them. */
export async function tablesOf(url: string): Promise<readonly (readonly [where: string, text: string])[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
    )
    const texts: [string, string][] = []
    for (const { name } of rows) {
      const { rows } = await client.query<{ text: string | null }>(
        `select string_agg(each::text, E'\\n') as text from ${name} each`,
      )
      texts.push([`table ${name}`, rows[0]?.text ?? ''])
    }
    return texts
  } finally {
    await client.end()
  }
}

/** Secrets by what they are: each is handed out once. */
export function vault() {
  const secrets = new Map<string, string>()
  const keep = (name: string, secret: string) => {
    secrets.set(name, secret)
    return secret
  }
  return {
    secrets,
    make: (name: string) => keep(name, canary(name)),
    /** As an API key may be: it has to stand in a header. */
    makeKey: (name: string) => keep(name, `canary-key/${name}+of=${[...name].reverse().join('')}`),
    /** What was made of the secrets. */
    note(name: string, texts: readonly string[]) {
      for (const [place, text] of [...new Set(texts)].entries())
        if (text !== '') keep(`${name} ${place}`, text)
    },
  }
}

export type Vault = ReturnType<typeof vault>
