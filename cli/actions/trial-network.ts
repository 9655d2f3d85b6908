import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import { UserError } from '../../lib/errors.ts'
import { archId } from '../../network/measure.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { TrialRecord } from '../../search/journal.ts'
import type { SearchSpace } from '../../spaces/space.ts'
import { taskOf } from './session.ts'

/** The network that a trial trained, decoded again. @throws UserError when the space has changed since. */
export function networkOfTrial(space: SearchSpace, dataset: Dataset, record: TrialRecord): NetworkGraph {
  const graph = space.decode(record.genome, taskOf(dataset))
  if (archId(graph) === record.archId) return graph
  throw new UserError(
    `the space '${space.id}' no longer decodes trial ${record.trial} to the network that was trained: use the version it was searched with`,
  )
}

/** @throws UserError when the data are not those that the experiment was run on. */
export function checkSameData(
  dataset: Dataset,
  data: string,
  experiment: { readonly id: number; readonly datasetDigest: string },
): void {
  if (dataset.digest === experiment.datasetDigest) return
  throw new UserError(
    `the data in '${data}' are not those experiment ${experiment.id} was run on: name the right ones with --data`,
  )
}
