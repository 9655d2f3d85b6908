import type { Dataset } from '../evaluators/datasets/dataset.ts'
import type { SamplePreparation } from '../evaluators/training/onnx/inference-graph.ts'
import { sameShape } from '../network/shapes.ts'
import type { Shape } from '../network/types.ts'

/** How samples of a data set become what networks read, for files that do it themselves. */
export const preparationOf = ({ inputShape, mean, standardDeviation, samples }: Dataset): SamplePreparation => ({
  inputShape,
  mean,
  standardDeviation,
  roundResized: !(samples instanceof Float32Array),
})

/** What comes before normalisation, in words, for those who feed files that do not: empty where sizes are equal. */
export function resizingText(dataset: Dataset, shape: Shape): string {
  const { inputShape, roundResized } = preparationOf(dataset)
  if (sameShape(inputShape, shape)) return ''
  const rounded = roundResized ? ', then rounded to whole numbers' : ''
  return `resized from ${inputShape.join(' x ')} (area averaging down, bilinear up)${rounded}`
}

/** Where the front end of sound is written. */
export const FRONT_END_FOLDER = 'frontend'

/** The values to feed such files before normalisation, in words. */
export function rawText({ frontEnd, sampleMeaning }: Dataset, resizing: string): string {
  const values =
    frontEnd === undefined
      ? 'values as the data set holds them'
      : `features of ${FRONT_END_FOLDER}/frontend.c (0 to 255)`
  const meaning = sampleMeaning === undefined ? '' : `: ${sampleMeaning}`
  return `${values}${resizing === '' ? '' : `, ${resizing}`}${meaning}`
}
