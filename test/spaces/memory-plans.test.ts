import test from 'ava'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { randomStream } from '../../lib/random.ts'
import type { MemoryPlan } from '../../network/memory-plan.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { clashes } from '../network/plan-checks.ts'

const TASK = { inputShape: [48, 48, 3], classCount: 10 } as const
/** Arenas with scratch, with external RAM, in banks, of the C that is exported. */
const DEVICES = ['nrf52832-tflm-cmsisnn', 'stm32h747-xcubeai10', 'stm32n6-neuralart', 'stm32f446-frugal-c']

/** Bytes of all buffers that a step needs, at most: no arena can be smaller. */
function aliveBytes({ buffers }: MemoryPlan): number {
  const steps = new Set(buffers.flatMap(({ firstStep, lastStep }) => [firstStep, lastStep]))
  return Math.max(
    ...[...steps].map((step) =>
      buffers.reduce(
        (sum, { bytes, firstStep, lastStep }) => sum + (firstStep <= step && step <= lastStep ? bytes : 0),
        0,
      ),
    ),
  )
}

for (const name of ['mobilenet', 'moe']) {
  test(`${name}: memory maps of random networks never overlap, end where they say, and no order needs more`, async (t) => {
    const space = await loadSpace(name)
    const operations = geneOperations(space.genes(TASK))
    const stream = randomStream(8, `memory of ${name}`)
    const models = DEVICES.map((id) => createCostModel(loadProfile(id)))
    for (let i = 0; i < 60; i++) {
      const graph = space.decode(operations.sample(stream), TASK)
      for (const model of models) {
        const plan = model.memoryPlan(graph)
        t.deepEqual(clashes(plan), [])
        t.true(plan.peakRamBytes >= aliveBytes(plan))
        const end = Math.max(...plan.buffers.map(({ offset, bytes }) => offset + bytes))
        if (model.profile.memory.banks === undefined) t.is(end, plan.peakRamBytes)
        const { peakRamBytes, memoryPlan, kernels } = model.bestOrder(graph)
        t.true(peakRamBytes <= model.price(graph).peakRamBytes)
        t.deepEqual(clashes(memoryPlan), [])
        t.is(new Set(kernels).size, model.schedule(graph).kernels.length)
      }
    }
  })
}
