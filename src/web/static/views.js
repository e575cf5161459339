// @ts-check
/** Every view, in the order of the navigation. The first pattern that fits an address decides. */
import { audit } from './audit-view.js'
import { doctor } from './doctor-view.js'
import { effects } from './effects-view.js'
import { export_ } from './export-view.js'
import { exporter } from './exporter-view.js'
import { exporters } from './exporters-view.js'
import { exports_ } from './exports-view.js'
import { feed } from './feed-view.js'
import { feeds } from './feeds-view.js'
import { keys } from './keys-view.js'
import { overview } from './overview-view.js'
import { search } from './search-view.js'
import { source } from './source-view.js'
import { sources } from './sources-view.js'
import { ticket } from './ticket-view.js'
import { tickets } from './tickets-view.js'

/** @type {readonly import('./router.js').View[]} */
export const views = [
  overview,
  sources,
  source,
  feeds,
  feed,
  exporters,
  exporter,
  exports_,
  export_,
  tickets,
  ticket,
  effects,
  keys,
  audit,
  doctor,
  search,
]
