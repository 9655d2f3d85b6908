import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples')

for (const file of ['keywords.space.yaml', 'residual.space.ts']) {
  test(`${file}: shown, searched and exported from any folder`, async (t) => {
    const folder = temporaryFolder(t)
    const space = path.relative(folder, path.join(EXAMPLES, file))
    const shown = await frugal(folder, 'spaces', 'show', space)
    t.is(shown.code, 0, shown.stderr)
    t.true(shown.stdout.startsWith(file.split('.')[0]!))
    const searched = await frugal(folder, 'search', '--space', space, '--trials', '3', '--json', ...QUICK)
    t.is(searched.code, 0, searched.stderr)
    const elsewhere = temporaryFolder(t)
    const db = path.join(folder, 'frugal.db')
    const exported = await frugal(
      elsewhere,
      'export',
      '--db',
      db,
      '--epochs',
      '1',
      '--format',
      'onnx',
      '--out',
      'model',
    )
    t.is(exported.code, 0, exported.stderr)
  })
}

test('a changed space does not go on with an old search, and a bad one is refused in one sentence', async (t) => {
  const folder = temporaryFolder(t)
  const write = (widths: string) =>
    writeFileSync(
      path.join(folder, 'mine.yaml'),
      `id: mine\ntitle: mine\nstages: [{name: a, block: conv, stride: 2, width: ${widths}}]\n`,
    )
  write('[8, 16, 24]')
  t.is((await frugal(folder, 'search', '--space', './mine.yaml', '--trials', '2', ...QUICK)).code, 0)
  write('[8, 16, 32]')
  const resumed = await frugal(folder, 'resume')
  t.is(resumed.code, 2)
  t.regex(resumed.stderr, /cannot go on: the space .* is mine@\w+ now and was mine@\w+/)
  write('[16, 8]')
  const bad = await frugal(folder, 'search', '--space', './mine.yaml', '--trials', '2', ...QUICK)
  t.is(bad.code, 2)
  t.regex(bad.stderr, /^frugal: the space file .*a\.width: write the choices 16, 8 in ascending order/)
  t.is(bad.stderr.trim().split('\n').length, 1)
})

const IMPORTS = "import { defineSpace, GraphBuilder, ordinal, readGenome } from 'frugal-nas/spaces'\n"
const module = (genes: string, decode: string) =>
  `${IMPORTS}const genes = ${genes}\nexport default defineSpace({ id: 'mine', version: '1', genes: () => genes,\n` +
  `  decode(genome, task) { const g = new GraphBuilder(); const x = g.globalAveragePool(g.input(task.inputShape)); ${decode} } })\n`
const GENES = "[ordinal('a.width', [8, 16]), ordinal('a.depth', [1, 2])]"

/** Spaces in code that break a rule, and what the one sentence must say. */
const WRONG: readonly (readonly [string, string, RegExp])[] = [
  ['throws', module(GENES, "throw new Error('boom\\nand more')"), /decode\(\[\d, \d\]\) fails: boom$/m],
  ['nothing', module(GENES, ''), /decode\(\[\d, \d\]\) gives no network/],
  ['classes', module(GENES, 'return g.build(g.dense(x, 3))'), /ends in 3: one logit for each of the 10 classes/],
  ['blank', module(GENES, '').replace("'mine'", "' '"), /its id must be one line of 1 to 64 characters/],
  ['lines', module(GENES, '').replace("'mine'", "'a\\nb'"), /its id must be one line of 1 to 64 characters/],
  ['version', module(GENES, '').replace("'1'", "''"), /its version must be one line of 1 to 64 characters/],
  [
    'typo',
    module(GENES, "readGenome(genes, genome).number('a.widht')"),
    /unknown gene 'a.widht': did you mean 'a.width'/,
  ],
  ['text', module(GENES, "readGenome(genes, genome).text('a.width')"), /gene 'a.width' holds (8|16), which is no text/],
  ['list', module('7', 'return g.build(g.dense(x, task.classCount))'), /genes\(task\) gives no list of genes/],
  [
    'condition',
    module("[ordinal('a.width', [8, 16]), ordinal('a.depth', [1, 2], { gene: 'a.width', choices: [2] })]", ''),
    /'a.depth' wants choice 2 of 'a.width', whose choices count from 0 to 1/,
  ],
  ['twice', module("[ordinal('a.width', [8]), ordinal('a.width', [16])]", ''), /gene 'a.width' is there twice/],
  ['exit', module(GENES, 'process.exit(0)'), /decode\(\[\d, \d\]\) calls process\.exit\(0\)/],
  ['nodes', module(GENES, 'return { nodes: 7 }'), /decode\(\[\d, \d\]\) gives no network/],
  ['holes', module(GENES, 'return { nodes: [null] }'), /decode\(\[\d, \d\]\) fails: /],
  [
    'handmade',
    module(
      GENES,
      "return { nodes: [{ id: 'a', op: { kind: 'input', shape: [8, 8, 1] }, inputs: ['b'] }], output: 'a' }",
    ),
    /node 'a' \(input\) reads 'b', which no earlier node gives/,
  ],
  [
    'other',
    `let calls = 0\n${module(GENES, 'return g.build(g.dense(calls++ % 2 ? x : g.dense(x, 5), task.classCount))')}`,
    /gives another network at each call/,
  ],
]

test('a space in code that breaks a rule is refused in one sentence before anything is written', async (t) => {
  const folder = temporaryFolder(t)
  for (const [name, text, message] of WRONG) {
    writeFileSync(path.join(folder, `${name}.ts`), text)
    const { code, stderr } = await frugal(folder, 'spaces', 'show', `./${name}.ts`)
    t.is(code, 2, `${name}: ${stderr}`)
    t.regex(stderr, message)
    t.regex(stderr, new RegExp(`the space file './${name}.ts' is not right`))
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }
  writeFileSync(path.join(folder, 'null.ts'), 'export default null\n')
  const none = await frugal(folder, 'spaces', 'show', './null.ts')
  t.is(none.code, 2, none.stderr)
  t.regex(none.stderr, /^frugal: the space file '.\/null.ts' must export default defineSpace/)
  writeFileSync(path.join(folder, 'right.ts'), module(GENES, 'return g.build(g.dense(x, task.classCount))'))
  t.is((await frugal(folder, 'spaces', 'show', './right.ts')).code, 0)
  const searched = await frugal(folder, 'search', '--space', './classes.ts', '--trials', '1', ...QUICK)
  t.is(searched.code, 2, searched.stderr)
})

const LIVELY = `setInterval(() => {}, 1000)
console.log('loading')
${module(GENES, "console.log('decoding'); process.stdout.write('more'); genome[0] = 99; return g.build(g.dense(x, task.classCount))")}`

test('what a space prints goes beside the JSON, its timers keep no command alive, and genomes stay as they are', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'lively.ts'), LIVELY)
  const searched = await frugal(folder, 'search', '--space', './lively.ts', '--trials', '2', '--json', ...QUICK)
  t.is(searched.code, 0, searched.stderr)
  t.regex(searched.stderr, /loading[\s\S]*decoding/)
  const events = searched.stdout.trim().split('\n')
  t.is(JSON.parse(events.at(-1)!).event, 'done')
  for (const event of events) t.notThrows(() => JSON.parse(event), event)
})

test('a timer of a space that throws, or ends the process, ends a search with a sentence', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'late.ts')
  const space = module(GENES, 'return g.build(g.dense(x, task.classCount))')
  const search = ['search', '--space', './late.ts', '--trials', '4', '--epochs', '3', '--workers', '1'] as const
  for (const [late, code, message] of [
    ["throw new Error('late')", 1, /^frugal: unexpected error: late$/m],
    ['process.exit(0)', 2, /^frugal: the space file '.*late\.ts' is not right: it calls process\.exit\(0\)/],
  ] as const) {
    const timer = `const { decode } = mine; let set = false; mine.decode = (...all) => { if (!set) setTimeout(() => { ${late} }, 500); set = true; return decode(...all) }`
    writeFileSync(file, `${space.replace('export default', 'const mine =')}${timer}\nexport default mine\n`)
    const stopped = await frugal(folder, ...search, '--json')
    t.is(stopped.code, code, stopped.stderr)
    t.regex(stopped.stderr, message)
  }
})

test('an algorithm of one’s own that throws, or asks for what does not exist, is named', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'mine.algorithm.js')
  for (const [ask, exit, message] of [
    [
      "throw new Error('no idea')",
      1,
      /^frugal: the algorithm file '.*mine\.algorithm\.js' fails in ask\(\): no idea\n$/,
    ],
    ['process.exit(0)', 2, /^frugal: the algorithm file '.*' is not right: ask\(\) calls process\.exit\(0\)/],
    ['return [99]', 2, /fails in ask\(\): a genome must be an array of \d+ choice indices/],
  ] as const) {
    writeFileSync(
      file,
      `export default { id: 'mine', title: 'mine', create: () => ({ ask() { ${ask} }, tell() {}, state: () => ({}) }), restore() {} }`,
    )
    const { code, stderr } = await frugal(folder, 'search', '--algorithm', file, '--trials', '2', ...QUICK)
    t.is(code, exit, stderr)
    t.regex(stderr, message)
  }
})

const HILL = `import { step } from './step.js'
export default { id: 'mine', title: 'mine',
  create: ({ operations }, random) => ({ ask: () => operations.sample(random), tell() {}, state: () => step }),
  restore: ({ operations }) => ({ ask: () => operations.genes.map(() => 0), tell() {}, state: () => step }) }
`

test('a search goes on with the algorithm it began with only: an edit of its file, or of one it imports, is refused', async (t) => {
  const folder = temporaryFolder(t)
  const write = (name: string, text: string) => writeFileSync(path.join(folder, name), text)
  write('package.json', '{"type": "module"}')
  write('mine.algorithm.js', HILL)
  write('step.js', 'export const step = 1\n')
  const begun = await frugal(folder, 'search', '--algorithm', './mine.algorithm.js', '--trials', '2', ...QUICK)
  t.is(begun.code, 0, begun.stderr)
  t.is((await frugal(folder, 'resume')).code, 0)
  const refused = async (name: string, text: string) => {
    write(name, text)
    const { code, stderr } = await frugal(folder, 'resume')
    t.is(code, 2, stderr)
    t.regex(stderr, /cannot go on: the algorithm file '.*mine\.algorithm\.js' is not what it was; resume it with/)
  }
  await refused('step.js', 'export const step = 2\n')
  await refused('mine.algorithm.js', `${HILL}// another\n`)
  write('mine.algorithm.js', HILL)
  write('step.js', 'export const step = 1\n')
  t.is((await frugal(folder, 'resume')).code, 0)
})

test('an edited space in code goes on while its version stays, with a note', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'mine.ts')
  const text = module(GENES, 'return g.build(g.dense(x, task.classCount))')
  writeFileSync(file, text)
  t.is((await frugal(folder, 'search', '--space', './mine.ts', '--trials', '1', ...QUICK)).code, 0)
  t.notRegex((await frugal(folder, 'resume')).stderr, /has changed/)
  writeFileSync(file, `${text}// a comment\n`)
  const { code, stderr } = await frugal(folder, 'resume')
  t.is(code, 0, stderr)
  t.regex(
    stderr,
    /the file of the space '.*mine\.ts' has changed since the search began, its version \(mine@1\) has not/,
  )
  // One more layer: the version says that nothing has changed, the networks say otherwise.
  writeFileSync(file, text.replace('g.dense(x,', 'g.dense(g.dense(x, 5),'))
  const refused = await frugal(folder, 'resume')
  t.is(refused.code, 2, refused.stderr)
  t.regex(refused.stderr, /the space 'mine' no longer decodes trial 0 to the network that was trained/)
})
