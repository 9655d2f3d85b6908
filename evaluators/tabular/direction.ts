/** Whether less or more of a column's figures is better. */
export type Direction = 'min' | 'max'

/** A column, and its direction where somebody has said it. */
export interface DirectedColumn {
  readonly column: string
  readonly direction: Direction | undefined
}

/** Reads `COLUMN`, `COLUMN:min` or `COLUMN:max`. */
export function directedColumn(text: string): DirectedColumn {
  const [, column, direction] = /^(.*):(min|max)$/s.exec(text) ?? []
  return column === undefined ? { column: text, direction: undefined } : { column, direction: direction as Direction }
}

/** Words that stand in the names of figures, whatever is around them. */
const LESS_IS_BETTER = new Set(
  'err errs error errors loss losses ppl perplexity nll bpc bpb mse rmse mae mape wer cer eer fid entropy'.split(' '),
)
const MORE_IS_BETTER = new Set(
  'acc accs accuracy accuracies top1 top5 f1 auc iou miou psnr ssim bleu throughput fps qps speedup'.split(' '),
)
/** Counts of work done for one unit of time or energy, such as `img_per_s`. */
const RATE = /per_?(s|sec|second|j|joule|w|watt)$/i

/** What the name of a column says of its direction; undefined where it says nothing, or both. */
export function directionOfName(name: string): Direction | undefined {
  const words = name.split(/[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])/).map((word) => word.toLowerCase())
  const less = words.some((word) => LESS_IS_BETTER.has(word))
  const more = words.some((word) => MORE_IS_BETTER.has(word)) || RATE.test(name)
  if (less === more) return undefined
  return less ? 'min' : 'max'
}

/** Figures so turned that less of them is better: with `max`, their negatives; and back again. */
export const asMinimised = (value: number, direction: Direction | undefined): number =>
  direction === 'max' ? 0 - value : value
