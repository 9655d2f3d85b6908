/**
 * Checks what the compiler does not: which folder may import which, no cycles, no unseeded randomness, file length.
 * Exit code 1 with one line per offence.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '..')
/** Each folder imports only from those before it. */
const ORDER = [
  'lib',
  'network',
  'formats',
  'spaces',
  'hardware-profiles',
  'evaluators',
  'search',
  'results',
  'export',
  'cli',
]
/** Folders inside an ordered one that stand alone. */
const IMPORT_NOTHING = ['search/pareto']
const MAX_LINES = 400

interface SourceFile {
  readonly file: string
  readonly text: string
  readonly imports: readonly string[]
}

function sources(folder: string): SourceFile[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.split(path.sep).includes('node_modules'))
    .map((name) => {
      const file = path.posix.join(folder, name.split(path.sep).join('/'))
      const text = readFileSync(path.join(ROOT, file), 'utf8')
      const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!)
      const imports = specifiers.map((specifier) =>
        path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)),
      )
      return { file, text, imports }
    })
}

const folderOf = (file: string): string => file.split('/')[0]!

function importOffences({ file, imports }: SourceFile): string[] {
  const own = ORDER.indexOf(folderOf(file))
  const offences: string[] = []
  for (const target of imports) {
    const alone = IMPORT_NOTHING.find((folder) => file.startsWith(`${folder}/`))
    if (alone !== undefined && !target.startsWith(`${alone}/`))
      offences.push(`${file} imports ${target}: ${alone} imports nothing`)
    if (ORDER.indexOf(folderOf(target)) > own)
      offences.push(`${file} imports ${target}: ${folderOf(target)} comes after ${folderOf(file)}`)
  }
  return offences
}

/** Length without blank lines and comments: tables and prose may be long, code may not. */
function lengthOffence({ file, text }: SourceFile): string[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('//'))
  return code.length > MAX_LINES ? [`${file} has ${code.length} lines of code; at most ${MAX_LINES}`] : []
}

function randomOffence({ file, text }: SourceFile): string[] {
  return /Math\.random\s*\(/.test(text) ? [`${file} uses Math.random: take a RandomStream`] : []
}

/** Import cycles, each named once by its files in order. Type-only imports count too: they couple just the same. */
function cycles(files: readonly SourceFile[]): string[] {
  const byFile = new Map(files.map((source) => [source.file, source]))
  const state = new Map<string, 'open' | 'done'>()
  const found: string[] = []
  const visit = (file: string, trail: readonly string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      found.push(`import cycle: ${[...trail.slice(trail.indexOf(file)), file].join(' → ')}`)
      return
    }
    state.set(file, 'open')
    for (const target of byFile.get(file)?.imports ?? []) if (byFile.has(target)) visit(target, [...trail, file])
    state.set(file, 'done')
  }
  for (const { file } of files) visit(file, [])
  return found
}

/**
 * `npm ci` would compile better-sqlite3, although its binaries are in the package: npm forgets `gypfile: false` when it
 * reads a lock file. Written into the lock file by hand it is heeded; `npm install` drops it again.
 */
function lockOffences(): string[] {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { gypfile?: boolean; optionalDependencies?: Record<string, string> }>
  }
  const { packages } = lock
  const offences: string[] = []
  if (packages['node_modules/better-sqlite3']?.gypfile !== false) {
    offences.push('package-lock.json: "node_modules/better-sqlite3" needs "gypfile": false, or npm ci needs a compiler')
  }
  for (const [name, { optionalDependencies = {} }] of Object.entries(packages)) {
    for (const optional of Object.keys(optionalDependencies)) {
      const found = `${name}/node_modules/${optional}` in packages || `node_modules/${optional}` in packages
      if (!found) offences.push(`package-lock.json lacks ${optional}, which ${name} names: npm ci would refuse it`)
    }
  }
  return offences
}

const product = ORDER.flatMap(sources)
const everything = [...product, ...sources('test'), ...sources('bench'), ...sources('scripts')]
const offences = [
  ...lockOffences(),
  ...product.flatMap(importOffences),
  ...cycles(product),
  ...everything.flatMap(lengthOffence),
  ...everything.filter(({ file }) => file !== 'scripts/check-structure.ts').flatMap(randomOffence),
]
for (const offence of offences) console.error(offence)
const median = product.map(({ text }) => text.split('\n').length).sort((a, b) => a - b)[product.length >> 1]
console.log(`structure: ${product.length} files, median ${median} lines, ${offences.length} offences`)
process.exitCode = offences.length === 0 ? 0 : 1
