import test from 'ava'
import { HOST_ID } from '../../hardware-profiles/host/cache.ts'
import { createCostModel, listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'

/** MACs a cycle that a device can do at most, by its data sheet or its instructions; SMLAD of a Cortex-M does two, Helium 16 in two cycles. */
const PEAK: Readonly<Record<string, number>> = {
  '2080ti': 4352,
  a100: 2 * 6912,
  h100: 2 * 16_896,
  h200: 2 * 16_896,
  'titan-rtx': 4608,
  'titan-rtx-batch64': 4608,
  'v100-batch64': 5120,
  // With their tensor cores in half precision.
  'a100-throughput': 108 * 1024,
  'rtx3090-throughput': 82 * 512,
  edgetpu: 64 * 64,
  'edgetpu-usb': 64 * 64,
  'ethos-u55-128': 128,
  'ethos-u55-256': 256,
  'stm32n6-neuralart': 300,
  'stm32n6-neuralart3': 300,
  'gap9-ne16': 9 * 9 * 16,
  'efr32xg24-mvp': 4,
  'ra8d1-helium': 8,
}
const SIMD_OF_CORTEX_M = 2

/** A stem and convolutions of one width, every other one depthwise where asked for. */
function stack(channels: number, resolution: number, layers: number, separable: boolean): NetworkGraph {
  const b = new GraphBuilder()
  const active = (x: string): string => b.activation(b.batchNorm(x), 'relu')
  let x = active(b.conv2d(b.input([resolution, resolution, 3]), channels, { kernel: Math.min(3, resolution) }))
  for (let i = 0; i < layers; i++) {
    const depthwise = separable && i % 2 === 0
    x = active(depthwise ? b.depthwiseConv2d(x, { kernel: 3 }) : b.conv2d(x, channels, { kernel: separable ? 1 : 3 }))
  }
  return b.build(b.activation(b.dense(b.globalAveragePool(x), 10), 'softmax'))
}

/** Sequences in which nothing but one size grows; widths are multiples of 64, since 15 channels may well cost more than 16. */
const GROWING: readonly (readonly (readonly [number, number, number])[])[] = [
  [1, 16, 64, 128, 256, 512, 1024].map((channels) => [channels, 16, 6] as const),
  [1, 2, 3, 7, 8, 17, 32, 96, 160, 224].map((resolution) => [16, resolution, 6] as const),
  [1, 2, 10, 40, 100].map((layers) => [16, 16, layers] as const),
  [64, 256, 1024].map((channels) => [channels, 56, 4] as const),
]

for (const { id } of listProfiles().filter((one) => one.id !== HOST_ID)) {
  test(`${id}: from one channel to a thousand, 1×1 to 224×224, 1 to 100 layers`, (t) => {
    const profile = loadProfile(id)
    const model = createCostModel(profile)
    const { idlePowerMw, activePowerMw } = profile.energy
    const powers = profile.tables.flatMap(({ models }) => models.flatMap(({ powerMw }) => powerMw ?? []))
    for (const separable of [false, true]) {
      for (const sizes of GROWING) {
        let before = 0
        for (const size of sizes) {
          const { latencyMs, energyMj, macs } = model.price(stack(...size, separable))
          t.true(latencyMs >= before, `${size}: not faster than the smaller one`)
          const rate = macs / (latencyMs * 1e-3 * profile.clockHz)
          t.true(rate <= (PEAK[id] ?? SIMD_OF_CORTEX_M), `${size}: ${rate} MACs a cycle`)
          const powerMw = (1000 * energyMj) / latencyMs
          t.true(powerMw >= Math.min(idlePowerMw, ...powers) && powerMw <= 1.001 * Math.max(activePowerMw, ...powers))
          before = latencyMs
        }
      }
    }
  })
}
