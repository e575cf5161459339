/**
 * CSV for spreadsheets: UTF-8 with a mark, so that it is not taken for the machine's own encoding; what would be run
 * as a formula or turned into a number gets an apostrophe in front.
 */

import { csvList, csvType } from './csv.ts'
import { csvFields } from './fields.ts'
import { partOptions } from './line-list.ts'
import type { FormatDefinition } from './options.ts'

/** A spreadsheet's cell holds no more (Excel's specification); what is longer would spill into others. */
const longestCell = 32_767
const cut = ' … (cut)'

/** Signs that begin a formula (OWASP, CSV injection), full-width ones included. */
const formula = /^[\s\p{Cf}]*[=+\-@＝＋－＠|%]|^[\t\r\n]/u
/** 15 digits and more lose digits, `12e34` becomes a power, and `192.168.100.200` a number where dots group thousands. */
const number = /^\d+(?:[.,]\d{3})*(?:e\d+)?$/i
const smallNumber = /^\d{1,11}$/

export function guardedCell(text: string): string {
  const guarded = formula.test(text) || (number.test(text) && !smallNumber.test(text)) ? `'${text}` : text
  return guarded.length > longestCell
    ? guarded.slice(0, longestCell - cut.length).toWellFormed() + cut
    : guarded
}

export const excelProfile: FormatDefinition = {
  name: 'excel',
  about: 'CSV for spreadsheets, guarded against formulas',
  extensions: ['csv'],
  takes: [...partOptions, 'fields', 'header'],
  holds: ['bom', 'empty_comment'],
  build: (options) =>
    csvList(options, {
      lineEnd: '\r\n',
      fields: options.fields.length > 0 ? options.fields : csvFields,
      header: options.header,
      bom: true,
      mediaType: csvType,
      cell: guardedCell,
    }),
}
