import test, { type ExecutionContext } from 'ava'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { DEFAULT_RECIPE } from '../../evaluators/training/recipe.ts'
import { OP_DEFINITIONS } from '../../network/op-kinds.ts'
import type { ImportedKind, OpKind } from '../../network/types.ts'
import { type Comparison, compareEngines } from './oracle.ts'
import { kindsOf } from './reference-network.ts'
import { CASES, caseGraph } from './training-cases.ts'

const TOLERANCE = 1e-3

const recipe: Recipe = {
  ...DEFAULT_RECIPE,
  batchSize: 16,
  learningRate: 0.05,
  weightDecay: 0.01,
  labelSmoothing: 0.1,
  loadBalancing: 0.2,
}

/** Kinds that only model files hold: they are priced and never trained, so there is nothing to compare. */
const NEVER_TRAINED: Readonly<Record<ImportedKind, true>> = {
  constant: true,
  pad: true,
  transpose: true,
  slice: true,
  split: true,
  view: true,
  resize: true,
  transposeConv2d: true,
  matmul: true,
  elementwise: true,
  unary: true,
  leakyRelu: true,
  prelu: true,
  quantize: true,
  dequantize: true,
  tuple: true,
  reduce: true,
  rearrange: true,
  custom: true,
}

function agree(t: ExecutionContext, comparison: Comparison): void {
  const { logits, loss, gradients, statistics, threeSteps, correct, worst } = comparison
  t.is(correct[0], correct[1])
  for (const [what, error] of Object.entries({ logits, loss, gradients, statistics, threeSteps })) {
    t.true(error <= TOLERANCE, `${what} differ by ${error}; worst: ${worst}`)
  }
}

// A batch of 16 runs on the runtime's blocked kernels where there are any; one of 5 never does.
for (const batchSize of [16, 5]) {
  for (const [name, build] of CASES) {
    test(`${name}: both engines agree, batch of ${batchSize}`, async (t) => {
      agree(t, await compareEngines(caseGraph(build), { ...recipe, batchSize }, 1))
    })
  }
}

for (const name of ['biases', 'squeeze and excite', 'two of three experts, both ways in']) {
  const [, build] = CASES.find(([title]) => title === name)!
  test(`${name}: both engines agree with AdamW and clipped gradients`, async (t) => {
    const adamw: Recipe = { ...recipe, optimiser: 'adamw', learningRate: 0.004, clipNorm: 0.5 }
    agree(t, await compareEngines(caseGraph(build), adamw, 1))
  })
}

for (const [name, weight, temperature] of [
  ['biases', 0.5, 4],
  ['biases', 1, 1],
  ['two of three experts, both ways in', 0.3, 2],
] as const) {
  const [, build] = CASES.find(([title]) => title === name)!
  test(`${name}: both engines agree on a teacher's part of ${weight} at temperature ${temperature}`, async (t) => {
    const distillation = { teacher: '', weight, temperature }
    agree(t, await compareEngines(caseGraph(build), { ...recipe, distillation }, 1))
  })
}

test('every kind that is trained has a case, and no kind is both trained and exempt', (t) => {
  const covered = new Set(CASES.flatMap(([, build]) => [...kindsOf(caseGraph(build))]))
  const exempt = (kind: OpKind): boolean => Object.hasOwn(NEVER_TRAINED, kind)
  const kinds = Object.keys(OP_DEFINITIONS) as readonly OpKind[]
  t.deepEqual(
    kinds.filter((kind) => !covered.has(kind) && !exempt(kind)),
    [],
    'kinds without an oracle case',
  )
  t.deepEqual(
    [...covered].filter((kind) => exempt(kind)),
    [],
  )
})
