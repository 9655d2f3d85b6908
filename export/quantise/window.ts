import type { Shape } from '../../network/types.ts'
import type { Window } from './types.ts'

type Windowed = Window & { readonly inputShapes: readonly Shape[]; readonly outputShape: Shape }

/** Rows and columns around the map that a kernel's windows cover; beyond the last window nothing counts. */
export function paddingOf({ kernel, stride, padTop, padLeft, inputShapes, outputShape }: Windowed) {
  const [height, width] = inputShapes[0]! as readonly [number, number]
  const [rows, columns] = outputShape as readonly [number, number]
  const after = (windows: number, axis: 0 | 1, length: number): number =>
    Math.max((windows - 1) * stride[axis] + kernel[axis] - length, 0)
  return {
    top: padTop,
    left: padLeft,
    bottom: after(rows, 0, height + padTop),
    right: after(columns, 1, width + padLeft),
  }
}
