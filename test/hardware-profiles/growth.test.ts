import test from 'ava'
import { createCostModel, listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'
import { GraphBuilder } from '../../network/build.ts'
import type { NetworkGraph } from '../../network/types.ts'

interface Block {
  readonly kind: 'full' | 'separable' | 'inverted'
  readonly width: number
  readonly stride: number
  readonly expansion: number
}

interface Plan {
  readonly size: number
  readonly stem: number
  readonly classes: number
  readonly blocks: readonly Block[]
}

function networkOf({ size, stem, classes, blocks }: Plan): NetworkGraph {
  const b = new GraphBuilder()
  const act = (x: string): string => b.activation(b.batchNorm(x), 'relu')
  let x = act(b.conv2d(b.input([size, size, 3]), stem, { kernel: 3, stride: 2 }))
  for (const { kind, width, stride, expansion } of blocks) {
    if (kind === 'full') x = act(b.conv2d(x, width, { kernel: 3, stride }))
    else {
      const wide = kind === 'inverted' ? act(b.conv2d(x, b.channels(x) * expansion)) : x
      x = act(b.conv2d(act(b.depthwiseConv2d(wide, { kernel: 3, stride })), width))
    }
  }
  return b.build(b.dense(b.globalAveragePool(x), classes))
}

/** Channels are multiples of 16: fewer that fill a block of a runtime up rightly cost more than a full one. */
const randomPlan = (random: RandomStream): Plan => ({
  size: random.pick([32, 64, 96]),
  stem: 16 * (1 + random.int(2)),
  classes: 10,
  blocks: Array.from({ length: 1 + random.int(5) }, () => ({
    kind: random.pick(['full', 'separable', 'inverted'] as const),
    width: 16 * (1 + random.int(8)),
    stride: random.pick([1, 1, 2]),
    expansion: 1 + random.int(6),
  })),
})

/** Ways to make a network strictly larger; each leaves the rest as it was. */
const GROW: Readonly<Record<string, (plan: Plan, at: number) => Plan>> = {
  'a wider block': (plan, at) => change(plan, at, (one) => [{ ...one, width: one.width + 16 }]),
  'a block more': (plan, at) => change(plan, at, (one) => [one, { ...one, stride: 1 }]),
  'more expansion': (plan, at) => change(plan, at, (one) => [{ ...one, expansion: one.expansion + 1 }]),
  'a wider stem': (plan) => ({ ...plan, stem: plan.stem + 16 }),
  'a larger image': (plan) => ({ ...plan, size: plan.size + 32 }),
  'more classes': (plan) => ({ ...plan, classes: plan.classes + 90 }),
}

const change = (plan: Plan, at: number, how: (block: Block) => readonly Block[]): Plan => ({
  ...plan,
  blocks: plan.blocks.flatMap((block, i) => (i === at ? how(block) : [block])),
})

/** Arm's estimator cuts layers into blocks by search: its own figures fall now and then where a layer grows. */
const toleranceOf = (id: string): number => (id.startsWith('ethos') ? 0.1 : 1e-9)

for (const { id } of listProfiles()) {
  test(`${id}: a network that grows never costs less time, energy or flash`, (t) => {
    const model = createCostModel(loadProfile(id))
    const random = randomStream(11, 'growth', id)
    const least = 1 - toleranceOf(id)
    for (let i = 0; i < 30; i++) {
      const plan = randomPlan(random)
      const before = model.price(networkOf(plan))
      for (const [name, grow] of Object.entries(GROW)) {
        const after = model.price(networkOf(grow(plan, random.int(plan.blocks.length))))
        const what = `${name}: ${JSON.stringify(plan)}`
        t.true(after.latencyMs >= least * before.latencyMs, what)
        t.true(after.energyMj >= least * before.energyMj, what)
        t.true(after.flashBytes >= before.flashBytes, what)
      }
    }
  })
}
