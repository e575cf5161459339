/** Writes the plain manifests anew; needs Go and its library sprig. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { plainFile, plainManifests } from './chart.ts'

mkdirSync(dirname(plainFile), { recursive: true })
writeFileSync(plainFile, plainManifests())
