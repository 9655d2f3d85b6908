import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'

/** Convolution, batch norm, ReLU. */
const conv = (b: GraphBuilder, x: string, filters: number, kernel: number, stride = 1): string =>
  b.activation(b.batchNorm(b.conv2d(x, filters, { kernel, stride })), 'relu')

/** Tiny YOLO v2 (Redmon & Farhadi 2016) with 512 filters before the head, as ST's zoo has it: five boxes of a class each. */
export function tinyYolo(resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  let x = b.input([resolution, resolution, 3])
  for (const filters of [16, 32, 64, 128, 256, 512]) {
    x = b.maxPool(conv(b, x, filters, 3), { kernel: 2, stride: filters === 512 ? 1 : 2 })
  }
  x = conv(b, conv(b, x, 1024, 3), 512, 3)
  return b.build(b.conv2d(x, 30, { kernel: 1, bias: true }))
}

/** Filters of DarkNet-tiny's stages, 1×1 and 3×3 in turn after the first two stages. */
const DARKNET_TINY: readonly (readonly number[])[] = [
  [16],
  [32],
  [16, 128, 16, 128],
  [32, 256, 32, 256],
  [64, 512, 64, 512, 128],
]

/** DarkNet-tiny for ImageNet: a 1×1 convolution to the classes, averaged over the map. */
export function darknetTiny(resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  let x = b.input([resolution, resolution, 3])
  DARKNET_TINY.forEach((stage, i) => {
    stage.forEach((filters, j) => {
      x = conv(b, x, filters, stage.length > 1 && j % 2 === 0 ? 1 : 3)
    })
    if (i < DARKNET_TINY.length - 1) x = b.maxPool(x, { kernel: 2, stride: 2 })
  })
  x = b.activation(b.conv2d(x, 1000, { kernel: 1, bias: true }), 'relu')
  return b.build(b.globalAveragePool(x))
}

/** ResNet-18 with a quarter of the filters but in the last block, which has all 512. */
export function resnet18Quarter(resolution: number): NetworkGraph {
  const b = new GraphBuilder()
  let x = b.maxPool(conv(b, b.input([resolution, resolution, 3]), 16, 7, 2), { kernel: 3, stride: 2 })
  for (const stage of [0, 1, 2, 3]) {
    for (const block of [0, 1]) {
      const filters = stage === 3 && block === 1 ? 512 : 16 * 2 ** stage
      const stride = stage > 0 && block === 0 ? 2 : 1
      const outer = b.batchNorm(b.conv2d(conv(b, x, filters, 3, stride), filters, { kernel: 3 }))
      const same = b.channels(x) === filters && stride === 1
      const skip = same ? x : b.batchNorm(b.conv2d(x, filters, { kernel: 1, stride }))
      x = b.activation(b.add(skip, outer), 'relu')
    }
  }
  return b.build(b.activation(b.dense(b.globalAveragePool(x), 1000), 'softmax'))
}
