import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { randomStream } from '../../lib/random.ts'
import nsga2 from '../../search/algorithms/nsga2.algorithm.ts'
import { openTable, type TabularProblem, tabularEvaluation } from '../../search/tabular/problem.ts'
import type { StagedSettings } from '../../search/tabular/run.ts'
import { type Scale, scaleOf } from '../../search/tabular/score.ts'
import { runInStages } from '../../search/tabular/staged-run.ts'

const STAGED: StagedSettings = {
  ladder: { rungs: 2, reduction: 3, promotion: 'asynchronous' },
  epochs: [10, 100],
  begin: 1,
}

/** 6 × 6 × 6 networks less the diagonal; `quick` sees the quality of `full` with a ripple. */
function madeProblem(t: ExecutionContext): { readonly problem: TabularProblem; readonly scale: Scale } {
  const lines = ['a,b,c,quick,full,cost']
  for (let a = 0; a < 6; a++) {
    for (let b = 0; b < 6; b++) {
      for (let c = 0; c < 6; c++) {
        if (a === b && b === c) continue
        const full = 95 - 40 / (1 + a + Math.sqrt(b) + 0.5 * c)
        lines.push([a, b, c, full - 15 - ((a * 7 + b * 5 + c * 3) % 4), full, 1 + a * a + b + c].join())
      }
    }
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-tabular-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'table.csv')
  writeFileSync(file, lines.join('\n'))
  const { problem } = openTable(file, {
    genes: { columns: ['a', 'b', 'c'] },
    accuracies: ['quick', 'full'],
    costs: [['cost']],
  })
  return { problem, scale: scaleOf(problem, 0, { kind: 'full' }) }
}

const search = (
  { problem, scale }: ReturnType<typeof madeProblem>,
  evaluations: readonly number[],
  seed = 1,
  staged = STAGED,
) =>
  runInStages(problem, tabularEvaluation(problem), nsga2, [scale], randomStream(seed, 'tabular'), {
    evaluations,
    populationSize: 10,
    hideCosts: true,
    staged,
  })

test('epochs are those of both stages, and the budget is networks begun', (t) => {
  const { evaluated, epochShares } = search(madeProblem(t), [20, 50])
  t.is(evaluated, 50)
  t.deepEqual(epochShares, [(20 * 10 + 7 * 100) / (20 * 100), (50 * 10 + 17 * 100) / (50 * 100)])
})

test('only networks that were trained fully count', (t) => {
  const made = madeProblem(t)
  const { scores } = search(made, [9])
  const { problem, scale } = made
  // Three networks reach the last stage: less than any front of more can cover.
  t.true(scores[0]![0]!.frontShare <= 3 / scale.front.length)
  t.true(scores[0]![0]!.volume > 0 && scores[0]![0]!.volume < 1)
  const blind = { ...problem, errors: [problem.errors[0]!.map((error) => 100 - error), problem.errors[1]!] }
  const mean = (which: TabularProblem) =>
    [1, 2, 3, 4, 5, 6].reduce(
      (sum, seed) => sum + search({ problem: which, scale }, [60], seed).scores[0]![0]!.volume,
      0,
    )
  t.true(mean(problem) > mean(blind), 'a first stage that is wrong finds less')
})

test('cheap networks may be more than would be trained fully', (t) => {
  const { evaluated, epochShares } = search(madeProblem(t), [20], 1, { ...STAGED, begin: 1.5 })
  t.is(evaluated, 30)
  t.is(search(madeProblem(t), [15], 1, { ...STAGED, begin: 1.5 }).evaluated, 23, 'of 22.5')
  t.deepEqual(epochShares, [(30 * 10 + 10 * 100) / (20 * 100)])
})

test('a table that runs out: all of it is begun, a third is trained fully', (t) => {
  const { evaluated, epochShares } = search(madeProblem(t), [500])
  t.is(evaluated, 210)
  t.deepEqual(epochShares, [(210 * 10 + 70 * 100) / (500 * 100)])
})
