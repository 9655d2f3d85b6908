import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import yargs from 'yargs'
import { BENCHMARKS } from '../../cli/commands/bench.ts'
import { COMMANDS } from '../../cli/commands/index.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const PAGES = [
  'README.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
]
const read = (page: string): string => readFileSync(path.join(ROOT, page), 'utf8')
const withoutCode = (text: string): string => text.replaceAll(/```[\s\S]*?```/g, '')

/** Names of a page's headings in links, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const found = new Set<string>()
  for (const [, heading] of withoutCode(read(page)).matchAll(/^#+ (.*)$/gm)) {
    const words = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const name = words.replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-')
    const again = [...found].filter((other) => other.replace(/-\d+$/, '') === name).length
    found.add(again === 0 ? name : `${name}-${again}`)
  }
  return found
}

test('every link leads to a file, and to a heading that is there', (t) => {
  for (const page of PAGES) {
    for (const [, link] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      const [file, anchor] = link!.split('#') as [string, string?]
      const target = file === '' ? page : path.join(path.dirname(page), file)
      t.true(existsSync(path.join(ROOT, target)), `${page}: ${link}`)
      if (anchor !== undefined) t.true(anchorsOf(target).has(anchor), `${page}: ${link}`)
    }
  }
})

/** Flags of every command, as its help shows them. */
function flagsOf(): (readonly [command: string, flags: readonly string[]])[] {
  return [...COMMANDS, ...BENCHMARKS].map((command) => {
    const program = yargs([])
    ;(command.builder as (program: unknown) => unknown)(program)
    const { key } = (program as unknown as { getOptions(): { key: Readonly<Record<string, unknown>> } }).getOptions()
    const places = [...command.command.matchAll(/[[<](\w+)/g)].map(([, name]) => name)
    return [command.command, Object.keys(key).filter((name) => !places.includes(name))]
  })
}

/** Flags of other programs, and of benchmarks in the midst of a page, that pages speak of. */
const OTHERS = new Set(['help', 'save-dev', 'onnxruntime-node-install', 'draws'])

test('every flag that a page names is there, and every flag is on a page', (t) => {
  const flags = flagsOf()
  const known = new Set(flags.flatMap(([, names]) => names))
  const named = new Set<string>()
  for (const page of PAGES) {
    // Benchmarks have flags of their own, on the line that names them or the next.
    const text = read(page).replaceAll(/^.*bench[/:].*(\n.*)?$/gm, '')
    for (const [, flag] of text.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)) {
      named.add(flag!)
      t.true(known.has(flag!.replace(/^no-/, '')) || known.has(flag!) || OTHERS.has(flag!), `${page}: --${flag}`)
    }
  }
  const usual = new Set(['help', 'version', 'debug'])
  for (const [command, names] of flags) {
    for (const name of names) {
      if (usual.has(name) || name === 'verify') continue
      t.true(named.has(name) || name.includes('_'), `no page names --${name} of ${command}`)
    }
  }
})
