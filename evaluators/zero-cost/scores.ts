import { countMacs, countParams } from '../../network/measure.ts'
import { naswot } from './activation-codes.ts'
import { gradientNorm } from './gradient-norm.ts'
import type { ZeroCostScore } from './score.ts'
import { synflow } from './synflow.ts'

const parameters: ZeroCostScore = {
  id: 'parameters',
  title: 'trainable parameters',
  compute: async (graph) => countParams(graph),
}

const macs: ZeroCostScore = {
  id: 'macs',
  title: 'multiply-accumulates of one sample',
  compute: async (graph) => countMacs(graph),
}

/** All scores, the cheapest first. */
export const ZERO_COST_SCORES: readonly ZeroCostScore[] = [parameters, macs, gradientNorm, synflow, naswot]
