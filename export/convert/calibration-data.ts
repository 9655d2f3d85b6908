import type { Dataset, SplitName } from '../../evaluators/datasets/dataset.ts'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { shapeText } from '../../network/shapes.ts'
import type { Shape } from '../../network/types.ts'
import { normalisedInputs } from '../quantise/input.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'

/** What a float network was trained to read; its file does not say. */
const NORMALISATIONS = ['data', 'raw', 'unit', 'symmetric'] as const
export type NormalisationName = (typeof NORMALISATIONS)[number]

/** @throws UserError for an unknown name, naming the nearest. */
export function parseNormalisation(text: string): NormalisationName {
  const found = NORMALISATIONS.find((name) => name === text)
  if (found === undefined) throw new UserError(unknownName('normalisation', text, NORMALISATIONS))
  return found
}

/** Samples of a data set as a float network reads them. */
export interface PreparedData {
  readonly dataset: Dataset
  readonly normalisation: QuantisedNetwork['normalisation']
  /** The first samples of a part, one after the other. */
  readonly samples: (split: SplitName, most: number) => { readonly values: Float32Array; readonly count: number }
}

const SETTINGS: Readonly<Record<Exclude<NormalisationName, 'data'>, readonly [number, number]>> = {
  raw: [0, 1],
  unit: [0, 255],
  symmetric: [127.5, 127.5],
}

/** @throws UserError when the network cannot read the data's samples. */
export function prepareData(dataset: Dataset, name: NormalisationName, shape: Shape): PreparedData {
  const given = dataset.inputShape
  if (shape.length !== 3 || given.at(-1) !== shape[2]) {
    throw new UserError(
      `the data's samples are ${shapeText(given)} and the network reads ${shapeText(shape)}: maps of as many channels are needed`,
    )
  }
  const channels = given.at(-1)!
  const setting = name === 'data' ? undefined : SETTINGS[name]
  const normalisation =
    setting === undefined
      ? { mean: dataset.mean, standardDeviation: dataset.standardDeviation }
      : {
          mean: Array<number>(channels).fill(setting[0]),
          standardDeviation: Array<number>(channels).fill(setting[1]),
        }
  const view: Dataset = { ...dataset, ...normalisation }
  return {
    dataset,
    normalisation,
    samples: (split, most) => {
      const indices = dataset.splits[split].subarray(0, most)
      return { values: normalisedInputs(view, shape, indices), count: indices.length }
    },
  }
}
