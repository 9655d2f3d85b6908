import test from 'ava'
import { asMinimised, directedColumn, directionOfName } from '../../evaluators/tabular/direction.ts'

test('a direction stands behind the last colon', (t) => {
  t.deepEqual(directedColumn('fps:max'), { column: 'fps', direction: 'max' })
  t.deepEqual(directedColumn('a:b:min'), { column: 'a:b', direction: 'min' })
  t.deepEqual(directedColumn('a:b'), { column: 'a:b', direction: undefined })
  t.is(asMinimised(3, 'max'), -3)
  t.is(asMinimised(0, 'max'), 0)
  t.is(asMinimised(3, undefined), 3)
})

test('names that say what is better', (t) => {
  const error = ['full_val_err', 'error', 'testLoss', 'val-perplexity', 'ppl', 'top1 error', 'wer']
  const benefit = [
    'throughput_a100_img_per_s',
    'fps',
    'img/s throughput',
    'val_top1',
    'inferences_per_joule',
    'mIoU iou',
  ]
  const neither = [
    'latency_ms',
    'carrier',
    'lossless_mb',
    'macs',
    'terror',
    'params_per_layer',
    'latency_per_sample',
    'tps_ms',
  ]
  t.deepEqual(
    error.filter((name) => name !== 'top1 error').map(directionOfName),
    error.filter((name) => name !== 'top1 error').map(() => 'min'),
  )
  t.is(directionOfName('top1 error'), undefined, 'both')
  t.deepEqual(
    benefit.map(directionOfName),
    benefit.map(() => 'max'),
  )
  t.deepEqual(
    neither.map(directionOfName),
    neither.map(() => undefined),
  )
})
