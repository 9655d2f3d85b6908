#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still read it and say what is wrong.
import { existsSync } from 'node:fs'
import module from 'node:module'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`frugal needs Node 22.18 or newer; this is ${process.versions.node}.\n`)
  process.exit(2)
}
module.enableCompileCache?.()
// A checkout runs the TypeScript sources; the published package holds them compiled.
const source = new URL('./main.ts', import.meta.url)
const { main } = await import(existsSync(source) ? source.href : new URL('../dist/cli/main.js', import.meta.url).href)
await main(process.argv.slice(2))
