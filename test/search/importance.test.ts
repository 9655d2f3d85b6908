import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { geneOperations } from '../../search/genes.ts'
import { geneEffects, type Sample } from '../../search/importance/gene-effects.ts'
import { fitRidge } from '../../search/importance/ridge.ts'
import { categorical, ordinal } from '../../spaces/choices.ts'
import type { Genome } from '../../spaces/genome.ts'

const GENES = [
  ordinal('a.width', [8, 16, 32]),
  categorical('a.kind', ['x', 'y']),
  ordinal('b.depth', [0, 1]),
  ordinal('b.width', [1, 2, 3, 4], { gene: 'b.depth', choices: [1] }),
]
const operations = geneOperations(GENES)

function draw(count: number, seed: number): readonly Genome[] {
  const random = randomStream(seed, 'draw')
  return Array.from({ length: count }, () => operations.sample(random))
}

const samples = (count: number, measure: (genome: Genome) => number): readonly Sample[] =>
  draw(count, 1).map((genome) => ({ genome, value: measure(genome) }))

test('genes that move the value are found, with the sign of each choice', (t) => {
  const random = randomStream(2, 'noise')
  const found = geneEffects(
    GENES,
    samples(300, ([width, kind]) => 3 * width! - 2 * kind! + 0.1 * random.normal()),
    draw(1000, 3),
    randomStream(4, 'resample'),
  )
  t.true(found.explained > 0.98)
  t.deepEqual(
    found.genes.slice(0, 2).map(({ gene }) => gene),
    ['a.width', 'a.kind'],
  )
  const [width, kind] = found.genes
  // Var(3·width) = 9 · 2/3 and Var(2·kind) = 4 · 1/4.
  t.true(Math.abs(width!.share - 6 / 7) < 0.03, `${width!.share}`)
  t.true(Math.abs(kind!.share - 1 / 7) < 0.03)
  t.true(
    width!.shareLow <= width!.share && width!.share <= width!.shareHigh && width!.shareHigh - width!.shareLow < 0.1,
  )
  for (const [choice, expected] of [-3, 0, 3].entries()) {
    t.true(Math.abs(width!.choices[choice]!.effect - expected) < 0.3, `${width!.choices[choice]!.effect}`)
  }
  t.is(
    width!.choices.reduce((sum, choice) => sum + choice.samples, 0),
    300,
  )
  t.true(Math.abs(found.genes.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9)
})

test('a gene counts only where it matters', (t) => {
  const found = geneEffects(
    GENES,
    samples(400, ([, , depth, width]) => (depth === 1 ? 5 + width! : 0)),
    draw(1000, 3),
    randomStream(4, 'resample'),
  )
  const inner = found.genes.find(({ gene }) => gene === 'b.width')!
  t.true(inner.choices.reduce((sum, choice) => sum + choice.samples, 0) < 250)
  t.true(inner.choices[3]!.effect - inner.choices[0]!.effect > 2.5)
})

test('noise is called noise', (t) => {
  const random = randomStream(9, 'noise')
  const found = geneEffects(
    GENES,
    samples(30, () => random.normal()),
    draw(500, 3),
    randomStream(4, 'resample'),
  )
  t.true(found.explained < 0.2, `${found.explained}`)
})

test('a constant value has no causes', (t) => {
  const found = geneEffects(
    GENES,
    samples(20, () => 0.5),
    draw(100, 3),
    randomStream(4, 'resample'),
  )
  t.is(found.explained, 0)
  t.deepEqual(
    found.genes.map(({ gene, share }) => [gene, share]),
    [
      ['a.kind', 0],
      ['a.width', 0],
      ['b.depth', 0],
      ['b.width', 0],
    ],
  )
})

test('shares and effects are those over the space, however it is distributed', (t) => {
  // Widths 10, 10 and 80 %, kinds 25 and 75 %, and no genome in which the last gene matters.
  const widths = [0, 1, ...new Array<number>(8).fill(2)]
  const space = widths.flatMap((width) => [0, 1, 1, 1].map((kind) => [width, kind, 0, 0]))
  const found = geneEffects(
    GENES,
    samples(300, ([width, kind]) => (3 * width! - 2 * kind!) / 100),
    space,
    randomStream(4, 'resample'),
  )
  const [width, kind, ...others] = found.genes
  // Var(3·width) = 9 · (3.3 − 1.7²) and Var(2·kind) = 4 · 3/16.
  t.true(Math.abs(width!.share - 3.69 / 4.44) < 0.005, `${width!.share}`)
  t.true(Math.abs(kind!.share - 0.75 / 4.44) < 0.005, `${kind!.share}`)
  t.true(others.every(({ share }) => Math.abs(share) < 0.001))
  const effects = [...width!.choices, ...kind!.choices].map(({ effect }) => effect)
  for (const [i, expected] of [-0.051, -0.021, 0.009, 0.015, -0.005].entries()) {
    t.true(Math.abs(effects[i]! - expected) < 0.0005, `${effects[i]} for ${expected}`)
  }
  const idle = found.genes.find(({ gene }) => gene === 'b.width')!
  t.true(idle.choices.every(({ effect }) => Math.abs(effect) < 0.001))
})

test('leave-one-out equals leaving each sample out', (t) => {
  const random = randomStream(5, 'press')
  const rows = Array.from({ length: 12 }, () => [random.int(3), 3 + random.int(2)])
  const values = rows.map((row) => row[0]! * 2 + row[1]! + random.normal())
  const { leaveOneOutR2, penalty } = fitRidge(rows, values, 5)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let squared = 0
  rows.forEach((row, out) => {
    // Refit without one row at a fixed penalty: minimise Σ (y − b − Σ w)² + penalty Σ w² by coordinate descent.
    const weights = new Float64Array(5)
    let intercept = 0
    const kept = rows.map((_, i) => i).filter((i) => i !== out)
    const rest = (i: number) => values[i]! - intercept - rows[i]!.reduce((sum, column) => sum + weights[column]!, 0)
    for (let sweep = 0; sweep < 5000; sweep++) {
      intercept += kept.reduce((sum, i) => sum + rest(i), 0) / kept.length
      for (let column = 0; column < 5; column++) {
        const having = kept.filter((i) => rows[i]!.includes(column))
        const sum = having.reduce((total, i) => total + rest(i) + weights[column]!, 0)
        weights[column] = sum / (having.length + penalty)
      }
    }
    squared += (values[out]! - intercept - row.reduce((sum, column) => sum + weights[column]!, 0)) ** 2
  })
  const expected = 1 - squared / values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  t.true(Math.abs(leaveOneOutR2 - expected) < 1e-6, `${leaveOneOutR2} and ${expected}`)
})
