import test from 'ava'
import type { GeneDescription, Genome, GenomeOperations } from '../../search/algorithm.ts'
import { createEncoding, TABLE_ENTRIES } from '../../search/algorithms/frugal/encoding.ts'
import { geneOperations } from '../../search/genes.ts'

/** Operations that draw these genomes in turns, so that means over neighbouring samples can be worked out by hand. */
function inTurns(genes: readonly GeneDescription[], genomes: readonly Genome[]): GenomeOperations {
  let drawn = 0
  return { ...geneOperations(genes), sample: () => genomes[drawn++ % genomes.length]! }
}

const closeTo = (values: Iterable<number>): readonly number[] => Array.from(values, (value) => +value.toFixed(12))

const GENES: readonly GeneDescription[] = [
  { name: 'only', kind: 'categorical', choices: ['one'] },
  { name: 's1.width', kind: 'ordinal', choices: [8, 16, 32, 64] },
  { name: 's1.op', kind: 'categorical', choices: ['x', 'y', 'z'] },
  { name: 's2.width', kind: 'ordinal', choices: [16, 32, 64, 96] },
  { name: 's2.op', kind: 'categorical', choices: ['x', 'y', 'z'], activeWhen: { gene: 'deep', choices: [1] } },
  { name: 'deep', kind: 'categorical', choices: [false, true] },
]
const SHALLOW: Genome = [0, 0, 0, 0, 0, 0]
const DEEP: Genome = [0, 3, 2, 1, 2, 1]
/** First code of each gene with a choice: as many codes as it has choices, and one for being inactive. */
const FIRST = [0, 5, 9, 14, 18]
const CODES = 21

const encoding = createEncoding(inTurns(GENES, [SHALLOW, DEEP]), undefined)

test('a gene has a code for each choice and one for being inactive, and none without a choice', (t) => {
  t.is(encoding.geneCount, 5)
  t.deepEqual([...encoding.encode(SHALLOW).codes], [0, 5, 9, 14 + 3, 18])
  t.deepEqual([...encoding.encode(DEEP).codes], [3, 5 + 2, 9 + 1, 14 + 2, 18 + 1])
  t.deepEqual(encoding.groups, [{ genes: [2, 4], size: 3, start: 0 }])
  const columns = [
    { column: 1, firstCode: 5 },
    { column: 3, firstCode: 14 },
  ]
  t.deepEqual(encoding.groupCodes, [columns])
})

test('counts hold every level that ordinal choices reach, scaled so that random genomes are 1 apart', (t) => {
  // Widths reach the levels (0 0 0) and (2 1 1), 6 apart; operators are (1 0 0) and (0 0 2), 5 apart: each half of 1.
  const [width, op] = [1 / Math.sqrt(2 * 6), 1 / Math.sqrt(2 * 5)]
  t.is(encoding.countCount, 6)
  const [shallow, deep] = [SHALLOW, DEEP].map((genome) => encoding.encode(genome))
  t.deepEqual(closeTo(shallow!.counts), closeTo([0, 0, 0, op, 0, 0]))
  t.deepEqual(closeTo(deep!.counts), closeTo([2 * width, width, width, 0, 0, 2 * op]))
  t.deepEqual(closeTo([shallow!.countLength, deep!.countLength]), [0.1, 6 / 12 + 4 / 10])
})

test('genes whose choices never vary among samples count nothing', (t) => {
  const still = createEncoding(inTurns(GENES, [SHALLOW]), undefined)
  t.deepEqual([...still.encode(DEEP).counts], [0, 0, 0, 0, 0, 0])
  t.is(still.encode(DEEP).countLength, 0)
})

test('only genes of one kind are counted together: the same number of ordered choices, or the same choices', (t) => {
  const ordinal = (name: string, ...choices: readonly number[]): GeneDescription => ({ name, kind: 'ordinal', choices })
  const countOf = (...genes: readonly GeneDescription[]) => createEncoding(geneOperations(genes), undefined).countCount
  t.is(countOf(ordinal('a.w', 1, 2, 3), ordinal('b.w', 1, 2)), 0)
  t.is(countOf(ordinal('a.w', 1, 2, 3), ordinal('b.v', 1, 2, 3)), 0)
  t.is(countOf(ordinal('a', 1, 2, 3), ordinal('b', 4, 5, 6)), 2)
  t.is(countOf(ordinal('a', 1, 2), ordinal('b', 1, 2), ordinal('c', 1, 2, 3), ordinal('d', 1, 2, 3)), 1 + 2)
  const categorical = (name: string, ...choices: readonly string[]) => ({ name, kind: 'categorical' as const, choices })
  t.is(countOf(categorical('a.k', 'x', 'y'), categorical('b.k', 'x', 'z')), 0)
  t.is(countOf(categorical('a.k', 'x', 'y'), categorical('b.k', 'x', 'y')), 2)
})

test('typical distances are those of neighbouring samples, the sum of mismatches at least 1', (t) => {
  // Widths differ by 3/3 and 1/3 of the way; an operator, an activity and a depth are others.
  t.deepEqual(closeTo([encoding.typicalMismatch, encoding.typicalSquare]), closeTo([1 + 1 + 1 / 3 + 1 + 1, 4 + 1 / 9]))
  const near = createEncoding(inTurns(GENES, [SHALLOW, SHALLOW.with(1, 1)]), undefined)
  t.deepEqual(closeTo([near.typicalMismatch, near.typicalSquare]), closeTo([1, 1 / 9]))
  t.true(encoding.hasOrdinal)
  const pairs: readonly GeneDescription[] = [{ name: 'a', kind: 'ordinal', choices: [1, 2] }, GENES[2]!]
  t.false(createEncoding(geneOperations(pairs), undefined).hasOrdinal)
})

/** One kind of entry of a gene's codes. */
const entriesOf = (table: Float64Array, gene: number, kind: number): readonly number[] =>
  closeTo(
    Array.from(
      { length: (FIRST[gene + 1] ?? CODES) - FIRST[gene]! },
      (_, code) => table[TABLE_ENTRIES * (FIRST[gene]! + code) + kind]!,
    ),
  )

test('tables say how far each choice is from a genome: shares of the way, other categories, other activity', (t) => {
  const deep = encoding.tables(undefined, 1)(encoding.encode(DEEP))
  t.is(deep.length, TABLE_ENTRIES * CODES)
  const apart = [
    [1, 2 / 3, 1 / 3, 0, 1],
    [1, 1, 0, 1],
    [1 / 3, 0, 1 / 3, 2 / 3, 1],
    [1, 1, 0, 1],
    [1, 0, 1],
  ]
  apart.forEach((values, gene) => {
    t.deepEqual(entriesOf(deep, gene, 0), closeTo(values))
    t.deepEqual(entriesOf(deep, gene, 1), closeTo(values), 'no distances were given')
    t.deepEqual(entriesOf(deep, gene, 3), closeTo(values.map((value) => value * value)))
  })
  const shallow = encoding.tables(undefined, 1)(encoding.encode(SHALLOW))
  t.deepEqual(entriesOf(shallow, 3, 0), [1, 1, 1, 0], 'inactive is as far from every choice')
  t.deepEqual(entriesOf(shallow, 3, 3), [1, 1, 1, 0])
})

test('a bent scale moves ordinal choices alone', (t) => {
  const table = encoding.tables(undefined, 0.5)(encoding.encode(DEEP))
  const [third, twoThirds] = [Math.sqrt(1 / 3), Math.sqrt(2 / 3)]
  t.deepEqual(entriesOf(table, 0, 0), closeTo([1, 1 - third, 1 - twoThirds, 0, 1]))
  t.deepEqual(entriesOf(table, 0, 3), closeTo([1, (1 - third) ** 2, (1 - twoThirds) ** 2, 0, 1]))
  t.deepEqual(entriesOf(table, 2, 0), closeTo([third, 0, twoThirds - third, 1 - third, 1]))
  t.deepEqual(entriesOf(table, 1, 0), [1, 1, 0, 1])
})

test('distances that were given stand between the choices of their group, row by row, and nowhere else', (t) => {
  const distances = Float64Array.from([0, 0.1, 0.2, 0.3, 0, 0.4, 0.5, 0.6, 0])
  const tables = encoding.tables(distances, 1)
  const deep = tables(encoding.encode(DEEP))
  t.deepEqual(entriesOf(deep, 1, 1), [0.5, 0.6, 0, 1])
  t.deepEqual(entriesOf(deep, 3, 1), [0.5, 0.6, 0, 1])
  t.deepEqual(entriesOf(deep, 1, 0), [1, 1, 0, 1])
  t.deepEqual(entriesOf(deep, 0, 1), closeTo([1, 2 / 3, 1 / 3, 0, 1]))
  t.deepEqual(entriesOf(deep, 4, 1), [1, 0, 1], 'of two choices there is nothing to learn')
  const shallow = tables(encoding.encode(SHALLOW))
  t.deepEqual(entriesOf(shallow, 1, 1), [0, 0.1, 0.2, 1])
  t.deepEqual(entriesOf(shallow, 3, 1), [1, 1, 1, 0])
})

test('what codes add to a scalar product of counts is what the counts themselves give', (t) => {
  const table = encoding.tables(undefined, 1)(encoding.encode(DEEP))
  // Levels (2 1 1)/√12, reached up to a choice, times 1/√12; operators (0 0 2)/√10 times 1/√10.
  t.deepEqual(entriesOf(table, 0, 2), closeTo([0, 2 / 12, 3 / 12, 4 / 12, 0]))
  t.deepEqual(entriesOf(table, 1, 2), closeTo([0, 0, 2 / 10, 0]))
  t.deepEqual(entriesOf(table, 4, 2), [0, 0, 0], 'a gene that is alone of its kind is not counted')
  for (const genome of [SHALLOW, DEEP, [0, 2, 1, 3, 0, 1], [0, 3, 2, 0, 0, 0]]) {
    const { codes, counts } = encoding.encode(genome)
    const own = encoding.encode(DEEP).counts
    const fromTable = codes.reduce((sum, code) => sum + table[TABLE_ENTRIES * code + 2]!, 0)
    t.deepEqual(closeTo([fromTable]), closeTo([counts.reduce((sum, count, k) => sum + count * own[k]!, 0)]))
  }
})

/** An encoding with these costs of shallow, deep and other genomes; costs are by device. */
const withCosts = (costsOf: (genome: Genome) => readonly (readonly number[])[] | undefined) =>
  createEncoding(inTurns(GENES, [SHALLOW, DEEP]), (genome) =>
    costsOf(genome)?.map((costs) => ({ costs, violation: 0 })),
  )

test('costs are standardised among samples, by logarithm where all are positive, those that never vary left out', (t) => {
  const { encode, costCount } = withCosts((genome) => {
    if (genome === SHALLOW)
      return [
        [1, 7],
        [-2, 0],
      ]
    if (genome === DEEP)
      return [
        [Math.exp(4), 7],
        [4, 6],
      ]
    return genome[1] === 1
      ? [
          [Math.exp(3), 8],
          [7, 12],
        ]
      : genome[1] === 2
        ? [
            [0, 1],
            [1, 3],
          ]
        : undefined
  })
  t.is(costCount, 3)
  // Logarithms 0 and 4 have mean 2 and deviation 2; −2 and 4 have mean 1 and deviation 3, and 0 and 6 a mean of 3.
  t.deepEqual(closeTo(encode(SHALLOW).costs), [-1, -1, -1])
  t.deepEqual(closeTo(encode(DEEP).costs), [1, 1, 1])
  t.deepEqual(closeTo(encode(SHALLOW.with(1, 1)).costs), [0.5, 2, 3])
  // Below a thousandth of the least sample nothing falls further.
  t.deepEqual(closeTo(encode(SHALLOW.with(1, 2)).costs), closeTo([(Math.log(1e-3) - 2) / 2, 0, 0]))
  t.deepEqual([...encode(SHALLOW.with(1, 3)).costs], [0, 0, 0], 'unknown ones are the mean')
})

test('samples with a cost without measure do not count, and fewer than eight samples say nothing', (t) => {
  /** The first deep samples, so many, have other costs; so have all samples after them. */
  const costCountWith = (known: number): number => {
    let asked = 0
    return withCosts(() => (asked++ < known ? [[asked]] : asked % 2 === 0 ? undefined : [[1e100]])).costCount
  }
  t.is(costCountWith(7), 0)
  t.is(costCountWith(8), 1)
  t.is(encoding.costCount, 0)
})

test('an encoding is kept until 512 others were asked for', (t) => {
  const genes = Array.from({ length: 2 }, (_, i) => ({
    name: `g${i}`,
    kind: 'ordinal' as const,
    choices: Array.from({ length: 30 }, (_, k) => k),
  }))
  const { encode } = createEncoding(geneOperations(genes), undefined)
  const first = encode([0, 0])
  for (let i = 1; i < 512; i++) encode([i % 30, Math.floor(i / 30)])
  t.is(encode([0, 0]), first)
  t.is(encode([0, 0], '0,0'), first)
  for (let i = 1; i <= 512; i++) encode([i % 30, Math.floor(i / 30)])
  t.not(encode([0, 0]), first)
})
