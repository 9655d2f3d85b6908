import { UserError } from '../../lib/errors.ts'
import type { ElementType } from '../import/imported-model.ts'
import { fixedShape, type InputShapes } from '../import/input-shapes.ts'
import { isChannelsLast } from './channels-last.ts'
import type { Readers } from './node-lookup.ts'
import type { PlainFile } from './plain-operators.ts'
import type { OnnxFile, OnnxFileNode, OnnxFileValue } from './read-onnx.ts'

/** What a network does with its inputs before its first kernel, told from the nodes that read them. */

const set = (names: string): ReadonlySet<string> => new Set(names.split(' '))
/** Operators that compute value by value or cut and join, through which a network's entry is looked for. */
const BY_VALUE = set(
  'Sub Div Mul Add Cast Identity QuantizeLinear DequantizeLinear Slice Split Concat Gather Unsqueeze Clip Pad Relu Sigmoid',
)
/** What a sample passes through before a network, at most so many. */
const PREPARING = set('Sub Div Mul Add Cast Identity QuantizeLinear DequantizeLinear Transpose MatMul Floor Round')
const MOST_STEPS = 16
const MOST_NODES = 256
const ON_MAPS = set(
  'Conv QLinearConv ConvInteger FusedConv ConvTranspose MaxPool AveragePool QLinearAveragePool GlobalAveragePool GlobalMaxPool BatchNormalization InstanceNormalization Resize Upsample',
)
/** Where a product's matrix stands among its operands. */
const KERNEL: ReadonlyMap<string, number> = new Map([
  ['Conv', 1],
  ['ConvInteger', 1],
  ['FusedConv', 1],
  ['ConvTranspose', 1],
  ['Gemm', 1],
  ['MatMul', 1],
  ['MatMulInteger', 1],
  ['QLinearConv', 3],
  ['QLinearMatMul', 3],
  ['QGemm', 3],
  ['LSTM', 1],
  ['GRU', 1],
  ['RNN', 1],
])

/** Type of the first kernel, behind the node that turns it into real numbers. */
export function dataTypeOf({ nodes, initializers, inputs }: OnnxFile): ElementType {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  for (const node of nodes) {
    const at = KERNEL.get(node.opType)
    if (at === undefined) continue
    let name = node.inputs[at] ?? ''
    for (let i = 0; i < MOST_STEPS; i++) {
      const before = producers.get(name)
      if (before === undefined || !THROUGH.has(before.opType)) break
      name = before.inputs[0] ?? ''
    }
    const stored = initializers.get(name) ?? producers.get(name)?.tensors.get('value')
    if (stored !== undefined) return stored.type
  }
  return inputs.find(({ name }) => !initializers.has(name))?.type ?? 'other'
}
const THROUGH = set('DequantizeLinear Transpose Identity Reshape Squeeze Unsqueeze')

/** The fixed shape of an input, and whether it is a map. @throws UserError when it is open, or holds several samples. */
export function entryOf({ name, dims }: OnnxFileValue, readers: Readers, shapes: InputShapes) {
  const fixed = fixedShape(name, dims, shapes)
  const isMap = beginsWithMap(readers, name, fixed.length)
  if ((isMap || fixed.length === 4) && fixed[0] !== 1) {
    throw new UserError(`input '${name}' holds ${fixed[0]} samples; export it for one, or leave the first axis open`)
  }
  return { fixed, isMap }
}

/** Whether an input is quantised after at most being prepared: then it is handed over quantised. */
export function isQuantised({ plain: { roles, names } }: PlainFile, readers: Readers, input: string): boolean {
  const levels = new Set([...roles].filter(([, role]) => role === 'level').map(([name]) => names.get(name) ?? name))
  let name = input
  for (let i = 0; i < MOST_STEPS; i++) {
    const after = readers.get(name) ?? []
    if (levels.has(name) || after.every(({ opType }) => opType === 'QuantizeLinear')) return true
    if (after.length !== 1 || !PREPARING.has(after[0]!.opType)) return false
    name = after[0]!.outputs[0] ?? ''
  }
  return false
}

/** Puts the channels last. */
const isTurned = ({ opType, integers }: OnnxFileNode): boolean =>
  opType === 'Transpose' && integers.get('perm')?.join() === '0,2,3,1'

/** Whether what first works on an input takes it as a map with channels first. */
function beginsWithMap(readers: Readers, input: string, rank: number): boolean {
  if (rank !== 3 && rank !== 4) return false
  const open: OnnxFileNode[] = [...(readers.get(input) ?? [])]
  const seen = new Set(open)
  for (let node = open.shift(); node !== undefined && seen.size < MOST_NODES; node = open.shift()) {
    if (ON_MAPS.has(node.opType)) return true
    const after = node.outputs.flatMap((name) => readers.get(name) ?? [])
    if (isTurned(node) && after.some(isChannelsLast)) return true
    // Three axes and one more are an image without a batch.
    if (!BY_VALUE.has(node.opType) || (rank === 3 && node.opType === 'Unsqueeze')) continue
    for (const next of after) {
      if (!seen.has(next)) open.push(next)
      seen.add(next)
    }
  }
  return false
}
