import { existsSync } from 'node:fs'
import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { UserError } from '../../lib/errors.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { TrialRecord } from '../../search/journal.ts'
import type { SearchSpace } from '../../spaces/space.ts'
import { loadData, taskOf } from './session.ts'
import { dataPathOf, type SearchSettings } from './settings.ts'

/** The network that a trial trained, decoded again. @throws UserError when the space has changed since. */
export function networkOfTrial(space: SearchSpace, dataset: Dataset, record: TrialRecord): NetworkGraph {
  const graph = space.decode(record.genome, taskOf(dataset))
  if (archId(graph) === record.archId) return graph
  throw new UserError(
    `the space '${space.id}' no longer decodes trial ${record.trial} to the network that was trained: use the version it was searched with`,
  )
}

/**
 * The data of an experiment, from where they were or from where they are now.
 * @param given `--data`, where it was said.
 * @throws UserError when they are not there, or are not those that the experiment was run on.
 */
export async function dataOfExperiment(
  given: string | undefined,
  settings: Pick<SearchSettings, 'data' | 'seed'>,
  { id, datasetDigest }: { readonly id: number; readonly datasetDigest: string },
): Promise<Dataset> {
  const data = given ?? settings.data
  if (given === undefined && data !== 'builtin' && !existsSync(data)) {
    throw new UserError(`the data of experiment ${id} are no longer in '${data}': say with --data where they are now`)
  }
  const dataset = await loadData(dataPathOf(data), settings.seed)
  if (dataset.digest === datasetDigest) return dataset
  throw new UserError(
    `the data in '${data}' are not those experiment ${id} was run on: name the right ones with --data`,
  )
}
