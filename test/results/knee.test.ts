import test from 'ava'
import { kneeOf } from '../../results/knee.ts'
import { frontWith, point } from './front-fixtures.ts'

const FRONT = frontWith([
  point(1, { accuracy: 0.5, latencyMs: 1, energyMj: 1 }),
  point(2, { accuracy: 0.93, latencyMs: 5, energyMj: 5 }),
  point(3, { accuracy: 0.96, latencyMs: 40, energyMj: 40 }),
  point(4, { accuracy: 0.97, latencyMs: 100, energyMj: 100 }),
])

test('the knee bulges towards the ideal point, whatever the order', (t) => {
  t.is(kneeOf(FRONT)!.trial, 2)
  t.is(kneeOf({ ...FRONT, points: FRONT.points.toReversed() })!.trial, 2)
})

test('more costs that go together do not outweigh the accuracy', (t) => {
  const costs = ['latencyMs', 'energyMj', 'peakRamBytes', 'flashBytes', 'macs']
  const points = FRONT.points.map((one) => ({
    ...one,
    peakRamBytes: one.latencyMs,
    flashBytes: one.latencyMs,
    macs: one.latencyMs,
  }))
  t.is(kneeOf({ ...FRONT, objectives: ['accuracy', ...costs], points })!.trial, 2)
})

test('one point, equal points, no point, and a cost of zero', (t) => {
  t.is(kneeOf(frontWith([point(7)]))!.trial, 7)
  t.is(kneeOf(frontWith([point(7, { latencyMs: 3 }), point(8, { latencyMs: 3 })]))!.trial, 7)
  t.is(kneeOf(frontWith([])), undefined)
  const zero = [
    point(1, { accuracy: 0.2, energyMj: 0 }),
    point(2, { accuracy: 0.9, energyMj: 1, latencyMs: 11 }),
    point(3, { accuracy: 0.91, energyMj: 9 }),
  ]
  t.is(kneeOf(frontWith(zero))!.trial, 2)
})
