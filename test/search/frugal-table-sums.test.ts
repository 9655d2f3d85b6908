import test from 'ava'
import { randomStream } from '../../lib/random.ts'
import { plainTableSums, tableSums } from '../../search/algorithms/frugal/table-sums.ts'

test('sums of table entries are the same to the last bit with and without WebAssembly', (t) => {
  const random = randomStream(1)
  for (const [geneCount, from, to] of [
    [29, 0, 501],
    [29, 3, 12],
    [1, 0, 64],
    [300, 7, 400],
    [6, 10, 11],
    [5, 4, 4],
    [0, 0, 20],
  ] as const) {
    const codeCount = 4 * geneCount + 3
    const codes = Uint16Array.from({ length: to * geneCount }, () => random.int(codeCount))
    const tables = Float64Array.from({ length: 4 * codeCount }, () => (random.chance(0.2) ? 0 : random.normal()))
    const sums = tableSums(codes, geneCount, from, to, tables).slice(0, 4 * (to - from))
    t.deepEqual(
      sums,
      plainTableSums(codes, geneCount, from, to, tables).slice(0, 4 * (to - from)),
      `${geneCount} genes`,
    )
    if (to === from || geneCount === 0) continue
    let last = 0
    for (let gene = 0; gene < geneCount; gene++) last += tables[4 * codes[(to - 1) * geneCount + gene]! + 3]!
    t.is(sums.at(-1), last)
  }
})
