import test from 'ava'
import { createCostModel, loadProfile } from '../../hardware-profiles/index.ts'
import { apartResults } from '../../hardware-profiles/own-results.ts'
import { GraphBuilder } from '../../network/build.ts'
import { scheduleOf } from '../../network/schedule.ts'

/** A detector: two heads on one map, 8·8·4 and 8·8·24 results. */
function detector() {
  const b = new GraphBuilder()
  const map = b.conv2d(b.conv2d(b.input([64, 64, 3]), 16, { kernel: 3, stride: 2 }), 32, { kernel: 3, stride: 4 })
  const classes = b.conv2d(map, 4, { kernel: 1 })
  return b.build(b.node({ kind: 'tuple' }, classes, b.conv2d(map, 24, { kernel: 1 })))
}
const CLASSES = 8 * 8 * 4
const BOXES = 8 * 8 * 24

test('of several results all, or the one computed last, are taken out of the arena; a single one never is', (t) => {
  const schedule = scheduleOf(detector())
  const sizesOf = (ownResults: 'all' | 'last'): readonly number[] =>
    apartResults(schedule, ownResults).own.map((tensor) => schedule.tensors[tensor]!.elements)
  t.deepEqual(sizesOf('all'), [CLASSES, BOXES])
  t.deepEqual(sizesOf('last'), [BOXES])
  const { schedule: rest, own } = apartResults(schedule, 'last')
  t.is(rest.tensors[own[0]!]!.elements, 0)
  t.is(apartResults(schedule, undefined).schedule, schedule)
  const b = new GraphBuilder()
  const single = scheduleOf(b.build(b.conv2d(b.input([8, 8, 3]), 4)))
  t.is(apartResults(single, 'all').schedule, single)
})

for (const [id, bytes] of [
  ['stm32h747-xcubeai8', CLASSES + BOXES],
  ['stm32h747-xcubeai10', BOXES],
  ['stm32n6-neuralart', BOXES],
] as const) {
  test(`${id}: a detector takes its results beside what its first maps need`, (t) => {
    const profile = loadProfile(id)
    const { ownResults, ...memory } = profile.memory
    t.truthy(ownResults)
    const model = createCostModel(profile)
    const { peakRamBytes } = model.price(detector())
    t.is(peakRamBytes - createCostModel({ ...profile, memory }).price(detector()).peakRamBytes, bytes)
    const { buffers, peakRamBytes: planned } = model.memoryPlan(detector())
    const results = buffers.filter(({ firstStep, lastStep }) => firstStep === 0 && lastStep === 3)
    t.is(
      results.reduce((sum, one) => sum + one.bytes, 0),
      bytes,
    )
    t.true(planned >= bytes)
    for (const one of results) {
      const others = buffers.filter((other) => other !== one)
      t.true(
        others.every((other) => other.offset + other.bytes <= one.offset || one.offset + one.bytes <= other.offset),
      )
    }
  })
}
