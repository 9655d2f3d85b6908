import { UserError } from '../../lib/errors.ts'
import type { NetworkGraph } from '../../network/types.ts'
import {
  efficientnetEdge,
  inceptionResnetV2,
  inceptionV1,
  inceptionV4,
  resnet,
  resnetV2,
  squeezenet,
  vgg,
} from './imagenet-nets.ts'
import { fbnet, mnasnet, nasBench201, ofaMobileNetV3 } from './nas-nets.ts'
import { darknetTiny, resnet18Quarter, tinyYolo } from './plain-nets.ts'
import {
  dsCnn,
  fdMobilenet,
  MLPERF_TINY,
  miniResNet,
  miniResNetV2,
  mobilenetV1,
  mobilenetV2,
} from './reference-nets.ts'

/**
 * Networks that validation cases name in one line: `mobilenetV1 0.25 224 1000 [channels]`, `mobilenetV2 …`,
 * `mobilenetV2Cut <width> <resolution> <classes> [expanded]` (channels cut to whole numbers, not rounded to eights), `fdMobilenet …`, `miniResNet <stacks>`, `miniResNetV2 <stacks>`, `dsCnn <first> <layers>`, `mlperfTiny ic`, `nasBench201 <architecture>` (or `nasBench201Converted`), `ofa <kernels> <expansions> <depths> <resolution>`,
 * `fbnet <choices>`, `mnasnet <digits>`, `vgg <layers> <resolution>`, `resnet …`, `resnetV2 …`, `squeezenet <resolution>`, `inceptionV1 …`, `inceptionV4 …`,
 * `inceptionResnetV2 …`, `efficientnetEdge <depth> <resolution>`, `tinyYolo <resolution>`, `darknetTiny …`, `resnet18Quarter …`.
 */
const MAKERS: Readonly<Record<string, (words: readonly string[]) => NetworkGraph | undefined>> = {
  mobilenetV1: ([width, resolution, classes, channels = '3']) =>
    mobilenetV1(Number(width), Number(resolution), Number(classes), Number(channels)),
  mobilenetV2: ([width, resolution, classes]) => mobilenetV2(Number(width), Number(resolution), Number(classes)),
  mobilenetV2Cut: ([width, resolution, classes, first]) =>
    mobilenetV2(Number(width), Number(resolution), Number(classes), {
      rounded: false,
      expandsFirst: first === 'expanded',
    }),
  fdMobilenet: ([width, resolution, classes]) => fdMobilenet(Number(width), Number(resolution), Number(classes)),
  /** First filters, then the filters of each layer; an `s` means stride 2. */
  dsCnn: ([first, layers = '']) =>
    dsCnn(
      Number(first),
      layers.split('/').map((layer) => [Number.parseInt(layer, 10), layer.endsWith('s') ? 2 : 1] as const),
    ),
  miniResNet: ([stacks]) => miniResNet(Number(stacks)),
  miniResNetV2: ([stacks]) => miniResNetV2(Number(stacks)),
  mlperfTiny: ([name]) => Object.entries(MLPERF_TINY).find(([known]) => known === name)?.[1](),
  nasBench201: ([text]) => nasBench201(text ?? ''),
  nasBench201Converted: ([text]) => nasBench201(text ?? '', true),
  ofa: ([kernels, expansions, depths, resolution]) =>
    ofaMobileNetV3(kernels ?? '', expansions ?? '', depths ?? '', Number(resolution)),
  fbnet: ([choices]) => fbnet(choices ?? ''),
  mnasnet: ([digits]) => mnasnet(digits ?? ''),
  vgg: ([layers, resolution]) => vgg(Number(layers), Number(resolution)),
  resnet: ([layers, resolution]) => resnet(Number(layers), Number(resolution)),
  resnetV2: ([layers, resolution]) => resnetV2(Number(layers), Number(resolution)),
  squeezenet: ([resolution]) => squeezenet(Number(resolution)),
  inceptionV1: ([resolution]) => inceptionV1(Number(resolution)),
  inceptionV4: ([resolution]) => inceptionV4(Number(resolution)),
  inceptionResnetV2: ([resolution]) => inceptionResnetV2(Number(resolution)),
  tinyYolo: ([resolution]) => tinyYolo(Number(resolution)),
  darknetTiny: ([resolution]) => darknetTiny(Number(resolution)),
  resnet18Quarter: ([resolution]) => resnet18Quarter(Number(resolution)),
  efficientnetEdge: ([depth, resolution]) => efficientnetEdge(Number(depth), Number(resolution)),
}

/** The network that a case names. @throws UserError for a name that is not known. */
export function caseNetwork(name: string): NetworkGraph {
  const [kind, ...words] = name.split(' ')
  const graph = MAKERS[kind ?? '']?.(words)
  if (graph === undefined) {
    throw new UserError(`'${name}' names no network; known are ${Object.keys(MAKERS).join(', ')} with their numbers`)
  }
  return graph
}

const WITH_WEIGHTS: ReadonlySet<string> = new Set(['conv2d', 'depthwiseConv2d', 'dense'])

/** The network with what is known of its weights. @param bits of each convolution and dense layer, in their order */
export function withWeightBits(graph: NetworkGraph, bits: readonly number[] | undefined): NetworkGraph {
  if (bits === undefined) return graph
  const nodes = graph.nodes.filter(({ op }) => WITH_WEIGHTS.has(op.kind))
  return { ...graph, weightBits: Object.fromEntries(nodes.map(({ id }, i) => [id, bits[i] ?? 0])) }
}
