import test from 'ava'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { MLPERF_TINY } from '../../hardware-profiles/cases/reference-nets.ts'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { countParams } from '../../network/measure.ts'

test('networks that are told by their weights have as many as published', (t) => {
  t.is(countParams(caseNetwork('darknetTiny 224')), 1_042_104)
  t.is(countParams(caseNetwork('resnet18Quarter 224')), 3_937_400)
  // The zoo prints 10,775.98 KiB: a byte a weight and four a bias, batch norms folded.
  const { kernels } = createCostModel(loadProfile('stm32h747-xcubeai8')).schedule(caseNetwork('tinyYolo 224'))
  const bytes = kernels.reduce((sum, kernel) => sum + kernel.weightElements + 4 * kernel.biasElements, 0)
  t.is((bytes / 1024).toFixed(2), '10775.98')
})

test('two versions of one runtime do not disagree by a factor on depthwise layers', (t) => {
  const depthwiseMs = (id: string): number =>
    createCostModel(loadProfile(id))
      .price(MLPERF_TINY.vww(), { layers: true })
      .layers.filter(({ kind }) => kind === 'depthwiseConv2d')
      .reduce((sum, { latencyMs }) => sum + latencyMs, 0)
  const ratio = depthwiseMs('stm32h747-xcubeai10') / depthwiseMs('stm32h747-xcubeai8')
  t.true(ratio > 0.6 && ratio < 1.1, `${ratio}`)
})
