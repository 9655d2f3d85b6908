import { backboneGenes, decodeBackbone } from './backbone.ts'
import { perTask, readGenome } from './choices.ts'
import { defineSpace } from './space.ts'

const genesOf = perTask((task) => backboneGenes(task, () => []))

export default defineSpace({
  id: 'mobilenet',
  version: '1',
  title: 'MobileNet-style networks: depthwise-separable, inverted-bottleneck and fused blocks',
  description:
    'A stem, four stages and a head. Each stage chooses its depth, kind of block (depthwise-separable as in MobileNetV1, ' +
    'inverted bottleneck as in V2 and V3, fused as in EfficientNetV2), kernel, expansion, width and squeeze-and-excite; ' +
    'the network chooses input resolution, where to down-sample, stem width, activation and head width.',
  genes: genesOf,
  decode: (genome, task) => decodeBackbone(readGenome(genesOf(task), genome), task, () => undefined),
})
