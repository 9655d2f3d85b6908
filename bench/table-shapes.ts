/**
 * Search algorithms on made-up tables of many shapes (bench/shape-tables.ts): what the defaults do where nobody has chosen
 * them.
 *
 *   node bench/table-shapes.ts [--shapes widths,chain] [--algorithms frugal,nsga2] [--seeds 30] [--first-seed 0]
 *     [--evaluations 50,100,200] [--table-seed 1] [--workers 2] [--write FOLDER]
 *
 * Of each table the mean hypervolume of each algorithm as `frugal bench search` states it; behind those of the others, how
 * sure it is that the first algorithm is better (Wilcoxon's p; − where it is worse). With --write the tables are kept.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { runBenchmark } from '../search/tabular/benchmark.ts'
import { openTable } from '../search/tabular/problem.ts'
import { scaleOf } from '../search/tabular/score.ts'
import { summarise } from '../search/tabular/summary.ts'
import { SHAPE_IDS, type ShapeTable, shapeTable } from './shape-tables.ts'
import { benchArguments } from './usage.ts'

const { values } = benchArguments(
  'bench/table-shapes.ts [--shapes widths,chain] [--algorithms frugal,nsga2] [--seeds 30] [--first-seed 0] ' +
    '[--evaluations 50,100,200] [--table-seed 1] [--workers 2] [--write FOLDER]',
  {
    shapes: { type: 'string', default: SHAPE_IDS.join() },
    algorithms: { type: 'string', default: 'frugal,nsga2,local,aging,random' },
    seeds: { type: 'string', default: '30' },
    'first-seed': { type: 'string', default: '0' },
    evaluations: { type: 'string', default: '50,100,200' },
    'table-seed': { type: 'string', default: '1' },
    workers: { type: 'string', default: String(os.availableParallelism()) },
    write: { type: 'string' },
  },
)
const folder = values.write ?? mkdtempSync(path.join(os.tmpdir(), 'frugal-shapes-'))
mkdirSync(folder, { recursive: true })
try {
  for (const id of values.shapes.split(',')) await compare(shapeTable(id, Number(values['table-seed'])))
} finally {
  if (values.write === undefined) rmSync(folder, { recursive: true })
}

async function compare({ id, rows, genes, digits, costs, lenient }: ShapeTable): Promise<void> {
  const file = path.join(folder, `${id}.csv`)
  writeFileSync(file, rows.map((row) => `${row.join()}\n`).join(''))
  const { problem } = openTable(file, {
    genes: { columns: genes, digits, repeats: lenient },
    accuracies: ['accuracy'],
    costs: [costs],
  })
  const evaluations = values.evaluations.split(',').map(Number)
  const fitting = evaluations.filter((count) => count <= problem.architectureCount)
  const scale = scaleOf(problem, 0, { kind: 'roi' })
  const runs = await runBenchmark({
    problem,
    costNames: [costs],
    scales: [scale],
    algorithms: values.algorithms.split(','),
    seeds: Array.from({ length: Number(values.seeds) }, (_, i) => Number(values['first-seed']) + i),
    together: false,
    workers: Number(values.workers),
    settings: { evaluations: fitting, populationSize: 20, hideCosts: false },
  })
  const results = summarise(runs, fitting, [costs])
  console.log(
    `${id}: ${problem.architectureCount} networks, ${problem.space.genes.length} genes, front ${scale.front.length}`,
  )
  const first = runs[0]!.algorithm
  for (const { algorithm, runs: searches } of runs) {
    const cells = results
      .filter((result) => result.algorithm === algorithm)
      .map(({ mean, versus }) => {
        const against = versus.find((other) => other.algorithm === first)
        const sureness =
          against === undefined ? '' : `${against.difference > 0 ? '−' : ' '}${against.pValue.toFixed(4)}`
        return `${mean.toFixed(4)} ${sureness}`.padEnd(15)
      })
    const all = searches.flat()
    const askMs = all.reduce((total, run) => total + run.askMs, 0) / all.length
    const least = Math.min(...all.map(({ evaluated }) => evaluated))
    console.log(
      `  ${algorithm.padEnd(8)}${cells.join('')}  ${askMs.toFixed(1)} ms${least < fitting.at(-1)! ? `, only ${least}` : ''}`,
    )
  }
}
