/** Names, addresses and shapes of SOAR's REST API. */
import { exactId } from '../../model/exact-number.ts'

export const service = 'ibm-soar'

export type Json = Readonly<Record<string, unknown>>

/** An incident as the API gives it, with `handle_format` names. */
export type Row = Json

export const ticketIdField = 'scwx_ctp_ticket_id'
export const statusField = 'scwx_ctp_status'
export const closeCodeField = 'scwx_ctp_close_code'

/** The key of a custom field, as queries and our memory write it. */
export const custom = (name: string) => `properties.${name}`

/** Selects come and go by their names, as their numbers differ from server to server; texts as they are stored. */
export const formats: Readonly<Record<string, string>> = {
  handle_format: 'names',
  text_content_output_format: 'objects_no_convert',
}

/** Of whatever the API numbers. */
export function idOf(row: Json): string | undefined {
  return exactId(row.id)
}

/** The path before `/rest`, often empty; people copy the address with what is behind it. */
export function basePath(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/\/(?:rest(?:\/.*)?)?$/, '').replace(/(?<!\/)\/+$/, '')
}

export interface Query {
  readonly conditions: readonly {
    readonly field_name: string
    readonly method: string
    readonly value?: unknown
  }[]
  readonly sort?: { readonly field_name: string; readonly type: 'asc' | 'desc' }
  readonly start: number
  readonly length: number
}

/** `max_page_size` of the API. */
export const pageLength = 100

export function queryBody({ conditions, sort, start, length }: Query): Json {
  return {
    filters: conditions.length === 0 ? [] : [{ conditions }],
    sorts: sort === undefined ? [] : [sort],
    ...{ start, length },
  }
}

/** One field of a PATCH. */
export interface FieldChange {
  /** Without `properties.`: the name alone is found. */
  readonly field: string
  readonly from: unknown
  readonly to: unknown
}

/** @param version of the incident as it was read: with the current one, old values are not compared */
export function patchBody(version: number, changes: readonly FieldChange[]): Json {
  return {
    version,
    changes: changes.map(({ field, from, to }) => ({
      field,
      old_value: { object: from ?? null },
      new_value: { object: to ?? null },
    })),
  }
}
