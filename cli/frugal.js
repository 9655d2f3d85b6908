#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still read it and say what is wrong.
import { existsSync } from 'node:fs'
import module from 'node:module'
import path from 'node:path'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`frugal needs Node 22.18 or newer; this is ${process.versions.node}.\n`)
  process.exit(2)
}
module.enableCompileCache?.()
// A checkout runs the TypeScript sources; the published package holds them compiled.
const isCheckout = existsSync(new URL('./main.ts', import.meta.url))
if (isCheckout) {
  const { keepStripped } = await import('./stripped.js')
  const root = path.dirname(import.meta.dirname)
  keepStripped(root, path.join(root, '.cache', 'stripped'))
}
const load = (name) => import(new URL(isCheckout ? `./${name}.ts` : `../dist/cli/${name}.js`, import.meta.url).href)
const argv = process.argv.slice(2)
// What trains many networks begins anew in a fitting environment, before anything heavy is loaded.
if (['search', 'resume', 'bench'].includes(argv[0])) {
  const { enterTrainingEnvironment } = await load('../evaluators/pool/training-environment')
  enterTrainingEnvironment()
}
const { main } = await load('main')
await main(argv)
