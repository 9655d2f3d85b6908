import path from 'node:path'
import { type Measurement, type ModelForm, measurement } from '../../hardware-profiles/fit-table.ts'
import type { KernelKind } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'

const KINDS: Readonly<Record<string, KernelKind>> = {
  conv2d: 'conv2d',
  add: 'add',
  global_average_pooling2d: 'globalAveragePool',
  softmax: 'softmax',
}

const lengths = (text: string): number[] => text.split('x').map(Number)

/** `1x16x15x8` → height, width, channels; `1x10` → 1, 1, 10. */
function mapShape(text: string): readonly [number, number, number] {
  const shape = lengths(text.split(' + ')[0]!)
  return shape.length === 4 ? [shape[1]!, shape[2]!, shape[3]!] : [1, 1, shape.at(-1)!]
}

/**
 * Cycles of single kernels measured by MicroNAS on one board, by kernel kind. `folders` are the measurement runs to use.
 * The records name some kernels twice under wrong codes or with zero MACs; those are left out, and so are convolutions
 * far above any other (more than 80 cycles a MAC plus 40,000) or below what the loop can reach (2.2 a MAC): six rows of
 * the nRF52832, none of the other boards.
 */
export function micronasKernels(data: string, folders: readonly string[]): ReadonlyMap<KernelKind, Measurement[]> {
  const kernels = new Map<KernelKind, Measurement[]>()
  for (const row of readCsv(path.join(data, 'hardware', 'micronas_mcu_ops.csv.gz'))) {
    const kind = KINDS[row['op']!]
    const cycles = Number(row['op_cycles'])
    if (kind === undefined || !folders.includes(row['folder']!) || !(cycles > 0)) continue
    const conv = kind === 'conv2d'
    const macs = Number(row['macs'])
    if (conv && (row['op_code'] !== '3' || !(cycles > 2.2 * macs && cycles < 80 * macs + 40_000 && macs > 0))) continue
    const [inHeight, inWidth, inChannels] = mapShape(row['in_shape']!)
    const outChannels = lengths(row['out_shape']!).at(-1)!
    const window = conv ? [...lengths(row['kernel']!), ...lengths(row['stride']!), 1] : [1, 1, 1, 1, 0]
    const operands = kind === 'add' ? 2 : 1
    // A 1×1 family is its reduction length: leaving out maps would be easy, for cost is proportional to pixels.
    const map = row['kernel'] === '1x1' ? `x${inChannels}` : `${inHeight}x${inWidth}`
    const family = conv ? `${row['kernel']}/${row['stride']}/${map}` : `${inHeight}x${inWidth}x${inChannels}`
    const found = measurement(kind, [inHeight, inWidth, inChannels, outChannels, ...window, operands], cycles, family)
    kernels.set(kind, [...(kernels.get(kind) ?? []), found])
  }
  return kernels
}

/**
 * CMSIS-NN int8: 1×1 convolutions run as a matrix product in blocks of 16 and add up each weight once for the input
 * offset; all others copy windows (im2col) and multiply in blocks of 4. Every output is requantised.
 */
export const CMSIS_CONV_FORMS: readonly ModelForm[] = [
  {
    when: { kernelArea: [1, 1], strideArea: [1, 1] },
    features: ['macsBody16', 'macsTail16', 'outputs', 'pixels', 'weightElements', 'one'],
  },
  {
    features: [
      'macsBody4',
      'macsTail4',
      'outputs',
      'insideTapElements',
      'paddedTapElements',
      'insideTaps',
      'pixels',
      'outChannels',
      'one',
    ],
  },
]
