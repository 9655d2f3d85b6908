import { type Schedule, scheduleOf } from '../../network/schedule.ts'
import { trainableOp } from '../../network/trainable.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import { pairwiseSums } from '../pairwise-sums.ts'
import { type CalibrationSample, calibrate, type Ranges } from './calibrate.ts'
import { quantiseMultiplier, SHARE_BITS } from './fixed-point.ts'
import { foldWeights } from './fold.ts'
import { KERNEL_RULES } from './kernels.ts'
import { type Level, type LevelKernel, levelsOf } from './lowering.ts'
import { tensorQuantisations } from './tensor-quantisation.ts'
import type {
  CalibrationMethod,
  FusedActivation,
  Quantisation,
  QuantisedGraph,
  QuantisedKernel,
  QuantisedNetwork,
} from './types.ts'
import { innerLayers } from './weight-bits.ts'

export interface QuantisationJob {
  readonly graph: NetworkGraph
  readonly weights: Weights
  readonly normalisation: QuantisedNetwork['normalisation']
  readonly sample: CalibrationSample
}

/** The kernels that the int8 network consists of: what memory is planned for. */
export const quantisedSchedule = (graph: NetworkGraph): Schedule => scheduleOf(pairwiseSums(graph))

/** A network whose ranges are known: gives it in int8, with 4-bit weights in the layers that are named. */
export interface PreparedQuantisation {
  /** Layers that may have 4-bit weights. */
  readonly inner: ReadonlySet<string>
  readonly quantised: (calibration: CalibrationMethod, fourBits?: ReadonlySet<string>) => QuantisedNetwork
}

/**
 * Quantises a trained network after training: int8 weights, one symmetric scale per filter (per tensor in dense kernels),
 * int8 activations with one scale and zero point per tensor, from ranges seen on the calibration sample.
 * @returns what makes a network for each way of choosing ranges; they share nothing that is calibrated.
 * @throws UserError for kinds that no search space makes.
 */
export async function prepareQuantisation(job: QuantisationJob): Promise<PreparedQuantisation> {
  const { weights, normalisation } = job
  const graph = pairwiseSums(job.graph)
  const level = levelsOf(graph, scheduleOf(graph))
  const ranges = await calibrate(graph, level, weights, job.sample)
  return {
    inner: innerLayers(level),
    quantised: (calibration, fourBits = new Set()) => ({
      ...quantiseLevel(level, ROOT, { weights, ranges: ranges[calibration], fourBits }, undefined),
      normalisation,
      calibration,
    }),
  }
}

/** A network in int8 alone, for each way of choosing ranges. */
export async function quantiseNetwork(
  job: QuantisationJob,
): Promise<Readonly<Record<CalibrationMethod, QuantisedNetwork>>> {
  const { quantised } = await prepareQuantisation(job)
  return { minmax: quantised('minmax'), percentile: quantised('percentile') }
}

interface Sources {
  readonly weights: Weights
  readonly ranges: Ranges
  /** Layers with 4-bit weights, as `LayerBits` names them. */
  readonly fourBits: ReadonlySet<string>
}

/** Where a level stands: before the names of its weights, which each expert has of its own, and of its layers. */
interface Prefix {
  readonly weights: string
  readonly layers: string
}
const ROOT: Prefix = { weights: '', layers: '' }

function quantiseLevel(
  level: Level,
  prefix: Prefix,
  sources: Sources,
  entry: Quantisation | undefined,
): QuantisedGraph {
  const quantisations = tensorQuantisations(level, prefix.weights, sources.ranges, entry)
  return {
    tensors: level.tensors.map(({ id, shape }, i) => ({ id, shape, quantisation: quantisations[i]! })),
    kernels: level.kernels.map((kernel) => quantiseKernel(kernel, prefix, sources, quantisations)),
    input: level.input,
    output: level.output,
    outputShape: level.outputShape,
  }
}

function quantiseKernel(
  kernel: LevelKernel,
  prefix: Prefix,
  sources: Sources,
  quantisations: readonly Quantisation[],
): QuantisedKernel {
  const { node, inputs, output, inputShapes, body } = kernel
  const op = trainableOp(node)
  const common = { id: node.id, inputs, output, inputShapes, outputShape: node.shape }
  const from = inputs.map((tensor) => quantisations[tensor]!)
  const to = quantisations[output]!
  if (op.kind === 'routedExperts') {
    const experts = Array.from({ length: op.experts }, (_, expert) => {
      const inside = {
        weights: `${prefix.weights}${node.id}/${expert}/`,
        layers: `${prefix.layers}${node.id}/`,
      }
      const graph = quantiseLevel(body!, inside, sources, from[0]!)
      const { scale } = graph.tensors[graph.output]!.quantisation
      const gateUnit = op.topK === 1 ? from[1]!.scale : 2 ** -SHARE_BITS
      return { graph, share: quantiseMultiplier((scale * gateUnit) / to.scale) }
    })
    return { kind: 'routedExperts', ...common, topK: op.topK, experts }
  }
  return KERNEL_RULES[op.kind as keyof typeof KERNEL_RULES]({
    kernel,
    common,
    activation: kernel.activation as FusedActivation,
    from,
    to,
    bits: sources.fourBits.has(prefix.layers + node.id) ? 4 : 8,
    folded: () => foldWeights(kernel, sources.weights, prefix.weights),
  })
}
