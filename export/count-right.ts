import type { Dataset } from '../evaluators/datasets/dataset.ts'
import { argmax } from '../lib/statistics.ts'

/**
 * How many samples some outputs classify rightly: of equal outputs the first counts, and a sample with one that is no number
 * is wrong. @param outputs one for each class, sample after sample. @param indices of these samples, and perhaps more.
 */
export function countRight(
  { labels, classNames }: Pick<Dataset, 'labels' | 'classNames'>,
  indices: Uint32Array,
  outputs: ArrayLike<number>,
): number {
  const classes = classNames.length
  let right = 0
  for (let i = 0; (i + 1) * classes <= outputs.length; i++) {
    const best = argmax(outputs, i * classes, classes)
    if (best === labels[indices[i]!] && isLargest(outputs, i * classes, classes, best)) right++
  }
  return right
}

/** NaN is not. */
function isLargest(outputs: ArrayLike<number>, start: number, classes: number, best: number): boolean {
  for (let c = 0; c < classes; c++) if (!(outputs[start + c]! <= outputs[start + best]!)) return false
  return true
}
