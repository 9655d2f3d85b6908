import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { randomStream } from '../../lib/random.ts'
import { METRICS } from '../../results/report/metrics.ts'
import { geneOperations } from '../../search/genes.ts'
import type { ObjectiveName } from '../../search/objectives.ts'
import { probeSpace } from '../../search/probe.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { columns, print, printJson } from './output.ts'
import { datasetJson, taskText } from './search-reporter.ts'
import { searchDevices, taskOf } from './session.ts'
import type { SearchSettings } from './settings.ts'

const COSTS = ['latencyMs', 'energyMj', 'peakRamBytes', 'flashBytes'] as const

/**
 * `frugal search --dry-run`: everything is checked and the space is priced at random places, as before a search; nothing is
 * trained or written.
 * @throws UserError when no network can meet the limits.
 */
export async function dryRun(
  settings: SearchSettings,
  dataset: Dataset,
  notes: readonly string[],
  json: boolean,
): Promise<void> {
  const space = await loadSpace(settings.space)
  const task = taskOf(dataset)
  const devices = searchDevices(settings)
  const objectives = settings.objectives as readonly ObjectiveName[]
  const plan = { space, task, operations: geneOperations(space.genes(task)), devices, objectives }
  const { samples } = await probeSpace(plan, randomStream(settings.seed, 'probe'))
  const found = devices.map(({ id }, d) => {
    const range = (cost: (typeof COSTS)[number]): readonly [number, number] => {
      const values = samples.map(({ prices }) => prices[d]![cost])
      return [Math.min(...values), Math.max(...values)]
    }
    const withinLimits = samples.filter(({ violation }) => violation[d] === 0).length
    return { device: id, withinLimits, costs: COSTS.map((cost) => [cost, range(cost)] as const) }
  })
  for (const note of notes) process.stderr.write(`frugal: ${note}\n`)
  if (json) {
    const ranges = found.map(({ costs, ...device }) => ({ ...device, ...Object.fromEntries(costs) }))
    return printJson({
      dryRun: true,
      settings,
      dataset: datasetJson(dataset),
      samples: samples.length,
      devices: ranges,
    })
  }
  print(
    `Would search: ${taskText(
      settings,
      dataset,
      devices.map(({ id }) => id),
    )}`,
  )
  print(`${samples.length} random networks of the space, least to most; nothing was trained or written.`)
  const headings = ['device', 'within the limits', ...COSTS.map((cost) => METRICS[cost].heading)]
  const rows = found.map(({ device, withinLimits, costs }) => [
    device,
    `${withinLimits} of ${samples.length}`,
    ...costs.map(([cost, range]) => range.map((value) => METRICS[cost].format(value)).join(' to ')),
  ])
  print(columns([headings, ...rows], [1, 2, 3, 4, 5]))
}
