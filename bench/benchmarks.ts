/** All benchmarks, in the order in which `all` runs them. The file of each is named like it. */
import { bridge } from './bridge.ts'
import { feeds } from './feeds.ts'
import { fetch } from './fetch.ts'
import { growth } from './growth.ts'
import type { Benchmark } from './harness/benchmark.ts'
import { http } from './http.ts'
import { parts } from './parts.ts'
import { passThrough } from './pass-through.ts'
import { push } from './push.ts'

export const benchmarks: readonly Benchmark[] = [parts, http, passThrough, fetch, feeds, push, bridge, growth]
