import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { randomStream } from '../../lib/random.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-space-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const TASK = { inputShape: [16, 16, 3], classCount: 5 } as const

let files = 0
function fileOf(yaml: string): string {
  const file = path.join(folder, `s${files++}.yaml`)
  writeFileSync(file, yaml)
  return file
}

const HEAD = 'id: mine\ntitle: my space\nstages:\n'
const space = (stages: string) => loadSpace(fileOf(HEAD + stages))

test('fixed members need no gene; lists are genes', async (t) => {
  const { genes } = await space('  - {name: a, block: conv, width: [8, 16], kernel: 5, stride: [2]}\n')
  t.deepEqual(genes(TASK), [{ name: 'a.width', kind: 'ordinal', choices: [8, 16] }])
})

test('a stage is what it says: kernel, stride on the first block only, width, depth', async (t) => {
  const { decode } = await space(
    '  - {name: a, block: conv, depth: 2, width: 8, kernel: 5, stride: 2, activation: relu6}\n',
  )
  const { nodes } = decode([], TASK)
  const convolutions = nodes.flatMap(({ op }) => (op.kind === 'conv2d' ? [op] : []))
  t.deepEqual(
    convolutions.map(({ kernel, stride, filters }) => ({ kernel, stride, filters })),
    [
      { kernel: [5, 5], stride: [2, 2], filters: 8 },
      { kernel: [5, 5], stride: [1, 1], filters: 8 },
    ],
  )
  t.is(nodes.filter(({ op }) => op.kind === 'relu6').length, 2)
  t.deepEqual(nodes.at(-1)!.shape, [5])
})

test('a stage may take over another, which is the same as writing it out', async (t) => {
  const merged = await space(
    '  - &body {name: a, block: conv, width: [8, 16], kernel: 5}\n  - {<<: *body, name: b, width: [24, 32]}\n',
  )
  const written = await space(
    '  - {name: a, block: conv, width: [8, 16], kernel: 5}\n  - {name: b, block: conv, width: [24, 32], kernel: 5}\n',
  )
  t.deepEqual(merged.genes(TASK), written.genes(TASK))
  t.is(merged.version, written.version, 'a search goes on with either')
})

test('depth 0 and a condition that does not hold leave a stage out', async (t) => {
  const { genes, decode } = await space(
    '  - {name: a, block: conv, width: [8, 16]}\n' +
      '  - {name: b, block: conv, depth: [0, 1], width: [8, 24]}\n' +
      '  - {name: c, block: conv, width: 32, when: {b.width: [24]}}\n',
  )
  const widths = (genome: readonly number[]) =>
    decode(genome, TASK).nodes.flatMap(({ op }) => (op.kind === 'conv2d' ? [op.filters] : []))
  t.deepEqual(genes(TASK)[2], {
    name: 'b.width',
    kind: 'ordinal',
    choices: [8, 24],
    activeWhen: { gene: 'b.depth', choices: [1] },
  })
  t.deepEqual(widths([1, 0, 0]), [16])
  t.deepEqual(widths([0, 1, 0]), [8, 8])
  t.deepEqual(widths([0, 1, 1]), [8, 24, 32])
  // The width that the condition looks at belongs to a stage that is not there.
  t.deepEqual(widths([0, 0, 1]), [8])
})

test('members matter while the block reads them', async (t) => {
  const { genes } = await space(
    '  - {name: a, block: [conv, fused, depthwiseSeparable], width: 8, expansion: [1, 2], squeezeRatio: [0, 0.5]}\n',
  )
  const conditions = Object.fromEntries(genes(TASK).map(({ name, activeWhen }) => [name, activeWhen?.choices]))
  t.deepEqual(conditions, { 'a.block': undefined, 'a.expansion': [1], 'a.squeezeRatio': [1, 2] })
})

test('a condition of a member of its own, and pooling', async (t) => {
  const { genes, decode } = await space(
    '  - {name: a, block: [conv, maxPool], width: 8, kernel: 3, stride: 2}\n' +
      '  - {name: b, block: conv, width: {choices: [8, 16], when: {a.block: [conv]}}}\n',
  )
  t.deepEqual(genes(TASK)[1]!.activeWhen, { gene: 'a.block', choices: [0] })
  t.true(decode([1, 0], TASK).nodes.some(({ op }) => op.kind === 'maxPool'))
})

test('the last block of a stage may be a mixture of experts', async (t) => {
  const { genes, decode } = await space(
    '  - {name: a, block: invertedBottleneck, depth: 2, width: 8, experts: [1, 4], topK: [1, 2], sharedExpert: [false, true]}\n',
  )
  t.deepEqual(
    genes(TASK).map(({ name, activeWhen }) => [name, activeWhen?.choices]),
    [
      ['a.experts', undefined],
      ['a.topK', [1]],
      ['a.sharedExpert', [1]],
    ],
  )
  const routed = decode([1, 1, 1], TASK).nodes.flatMap(({ op }) => (op.kind === 'routedExperts' ? [op] : []))
  t.is(routed.length, 1)
  t.like(routed[0], { experts: 4, topK: 2 })
  t.false(decode([0, 0, 0], TASK).nodes.some(({ op }) => op.kind === 'routedExperts'))
})

test('resolution scales the input', async (t) => {
  const file = fileOf('id: mine\ntitle: t\ninput: {resolution: [0.5, 1]}\nstages: [{name: a, block: conv, width: 8}]\n')
  const { decode } = await loadSpace(file)
  t.deepEqual(decode([0], TASK).nodes[0]!.shape, [8, 8, 3])
  t.deepEqual(decode([1], TASK).nodes[0]!.shape, [16, 16, 3])
})

test('the version follows the meaning, not the layout', async (t) => {
  const [a, b, c] = await Promise.all([
    space('  - {name: a, block: conv, width: [8, 16]}\n'),
    space('  # a comment\n  - name: a\n    block: conv\n    width: [8, 16]\n'),
    space('  - {name: a, block: conv, width: [8, 24]}\n'),
  ])
  t.is(a.version, b.version)
  t.not(a.version, c.version)
})

async function refuses(t: ExecutionContext, yaml: string, expected: RegExp): Promise<void> {
  await t.throwsAsync(loadSpace(fileOf(yaml)), { name: 'UserError', message: expected }, yaml)
}

test('what is wrong is said in one sentence with its place', async (t) => {
  const stages = (text: string, expected: RegExp) => refuses(t, `${HEAD}  - ${text}\n`, expected)
  await refuses(t, 'id: [', /cannot be read as YAML/)
  await refuses(t, '- 1', /is not a space/)
  await refuses(t, 'id: x\ntitle: t\nstages: []', /stages/)
  await refuses(t, 'id: ../x\ntitle: t\nstages: []', /id: must be letters/)
  await refuses(t, `${HEAD}  - {name: a, block: conv, width: 8}\nmore: 1`, /more/)
  await stages('{name: a, block: covn, width: 8}', /stage 'a', block/)
  await stages('{name: a, width: 8}', /stage 'a' has no block/)
  await stages('{name: a, block: conv}', /stage 'a' has no width/)
  await stages('{name: a, block: conv, width: [8, 0]}', /stage 'a', width\.1/)
  await stages('{name: a, block: conv, width: [16, 8]}', /ascending order/)
  await stages('{name: a, block: [conv, conv], width: 8}', /twice/)
  await stages('{name: a, block: conv, width: 8, expansion: 2}', /expansion is not read by block conv/)
  await stages('{name: a, block: conv, width: 8, wdith: 2}', /stage 'a': unknown member 'wdith': did you mean 'width'/)
  await stages('{name: a, block: conv, width: [8, "16"]}', /stage 'a', width\.1: a text stands where a number belongs/)
  await stages('{name: a, block: conv, width: 8.5}', /a number stands where a whole number belongs/)
  await stages('{block: conv, width: 8}', /stage 1, name: must be given/)
  await refuses(t, '', /nothing stands where a set of members such as id, title and stages belongs/)
  await refuses(t, `id: !!js/function x\ntitle: t\nstages: []`, /cannot be read as YAML: Unresolved tag/)
  await stages('{name: a, block: conv, width: 8, when: {b.width: [8]}}', /no gene|'b.width'/)
  await stages('{name: a, block: fused, width: 8, topK: [1, 2]}', /one expert/)
  await stages('{name: a, block: fused, width: 8, experts: 2, topK: [1, 4]}', /topK must not exceed/)
  await stages('{name: a, block: [fused, conv], width: 8, experts: [1, 2]}', /cannot be conv/)
  await stages('{name: a, block: conv, width: 8}\n  - {name: a, block: conv, width: 8}', /two stages are called 'a'/)
  await stages(
    '{name: a, block: conv, width: [8, 16]}\n  - {name: b, block: conv, width: 8, when: {a.width: [9]}}',
    /never 9/,
  )
  await t.throwsAsync(loadSpace('./nowhere.yaml'), { name: 'UserError', message: /does not exist/ })
})

test('a YAML bomb is refused, not unfolded', async (t) => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++) {
    const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)]
    lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`)
  }
  await refuses(t, lines.join('\n'), /cannot be read as YAML/)
})

test('a folded description ends without a blank line', async (t) => {
  const { description } = await loadSpace(
    fileOf('id: a\ntitle: a\ndescription: >\n  Two lines\n  in one.\nstages:\n  - {name: a, block: conv, width: 8}\n'),
  )
  t.is(description, 'Two lines in one.')
})

test('random genomes of a declared space decode', async (t) => {
  const loaded = await space(
    '  - {name: a, block: [conv, maxPool, fused], depth: [0, 1, 2], width: [8, 16], expansion: [1, 3], stride: [1, 2]}\n',
  )
  const operations = geneOperations(loaded.genes(TASK))
  const random = randomStream(1, 'declared')
  for (let i = 0; i < 100; i++) t.deepEqual(loaded.decode(operations.sample(random), TASK).nodes.at(-1)!.shape, [5])
})
