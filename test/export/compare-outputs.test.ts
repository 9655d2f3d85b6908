import test from 'ava'
import { loadDataset } from '../../evaluators/datasets/load.ts'
import {
  BIT_FOR_BIT,
  compareOutputs,
  ONE_QUANTUM,
  toleranceText,
  withinTolerance,
} from '../../export/compare-outputs.ts'
import { countRight } from '../../export/count-right.ts'
import { checked, checkedOutputs, checkText, judgeOutputs } from '../../export/formats/check.ts'
import { OperationalError } from '../../lib/errors.ts'

const whole = await loadDataset('builtin', { seed: 1 })
const dataset = { ...whole, splits: { ...whole.splits, test: whole.splits.test.subarray(0, 200) } }
/** Outputs that classify every sample rightly. */
const expected = new Int8Array(2000)
for (const [i, index] of dataset.splits.test.entries()) expected[10 * i + dataset.labels[index]!] = 50
const samples = { count: 200, expected }

/** The reference's outputs, some of them so many quanta more. */
function off(outputs: number, quanta: number): Int8Array {
  const found = expected.slice()
  for (let i = 0; i < outputs; i++) found[i]! += quanta
  return found
}

test('one quantum on 0.1 % of the outputs: that many, and no more', (t) => {
  const within = (outputs: number, quanta: number, tolerance = ONE_QUANTUM) =>
    withinTolerance(compareOutputs(expected, off(outputs, quanta)), tolerance)
  t.true(within(2, 1))
  t.false(within(3, 1))
  t.false(within(1, 2))
  t.true(within(0, 0, BIT_FOR_BIT))
  t.false(within(1, 1, BIT_FOR_BIT))
  const anyOutput = { share: 1, quanta: 16, samplesShare: 0.02 }
  t.true(within(2000, 16, anyOutput))
  t.false(within(1, 17, anyOutput))
  t.is(toleranceText(BIT_FOR_BIT), 'bit for bit')
  t.is(toleranceText(ONE_QUANTUM), '1 quantum on 0.1 % of the outputs, accuracy within 0.5 % of the samples')
  t.is(toleranceText(anyOutput), '16 quanta on any output, accuracy within 2 % of the samples')
})

test('accuracy counts too, and outputs of another number', (t) => {
  /** Another class for some samples. */
  const wrong = (count: number): Int8Array => {
    const found = expected.slice()
    for (const [i, index] of dataset.splits.test.subarray(0, count).entries()) {
      const label = dataset.labels[index]!
      found[10 * i + label] = 0
      found[10 * i + ((label + 1) % 10)] = 50
    }
    return found
  }
  const loose = { share: 1, quanta: 50, samplesShare: 0.02 }
  t.like(judgeOutputs(dataset, samples, wrong(4), loose), { ok: true })
  const { ok, detail } = judgeOutputs(dataset, samples, wrong(5), loose)
  t.false(ok)
  t.regex(detail, /^195 of 200 test samples \(integer reference: 200\)/)
  t.like(judgeOutputs(dataset, samples, expected.subarray(10), loose), {
    ok: false,
    detail: 'it gives 1990 outputs where the reference has 2000',
  })
})

test('right samples: of equal outputs the first counts, and what is no number is never right', (t) => {
  const classified = { labels: Int32Array.of(0, 1, 1, 0), classNames: ['a', 'b'] }
  const right = (...outputs: readonly number[]): number => countRight(classified, Uint32Array.of(3, 2, 1), outputs)
  t.is(right(5, 1, 0, 2, -3, -1), 3)
  t.is(right(5, 5, 2, 2), 1)
  t.is(right(Number.NaN, 1, Number.NaN, 2, Number.NaN, Number.NaN), 0)
  t.is(right(1, Number.NaN), 0)
})

test('a runtime that refuses a file is a check that failed; other errors are errors', async (t) => {
  const file = { artefact: 'model.tflite', where: 'LiteRT', tolerance: ONE_QUANTUM }
  const good = await checkedOutputs(file, dataset, samples, async () => expected)
  t.like(good, {
    verified: true,
    detail: '200 of 200 test samples (integer reference: 200); all 2000 outputs are the reference’s bit for bit',
  })
  t.false('failed' in good)
  const far = await checkedOutputs(file, dataset, samples, async () => off(5, 3))
  t.like(far, { verified: false, failed: true })
  t.is(
    checkText(far),
    'model.tflite on LiteRT: 200 of 200 test samples (integer reference: 200); 5 of 2000 outputs (0.25 %) are not the reference’s, by at most 3 quanta (allowed: 1 quantum on 0.1 % of the outputs, accuracy within 0.5 % of the samples)',
  )
  const refused = await checkedOutputs(file, dataset, samples, async () => {
    throw new OperationalError('LiteRT does not run the file: no')
  })
  t.like(refused, { verified: false, failed: true, detail: 'LiteRT does not run the file: no' })
  const stopped = checked(file, async () => {
    throw new Error('stopped')
  })
  await t.throwsAsync(stopped, { message: 'stopped' })
})
