import test from 'ava'
import { exportCommand } from '../../cli/actions/export-command.ts'
import type { DevicePlan } from '../../cli/actions/export-plan.ts'
import { parseFormats } from '../../export/formats/index.ts'

const plan = { device: 'titan-rtx', formats: parseFormats('onnx,c'), weightBits: '8' } as unknown as DevicePlan
/** As the command line fills them in where nothing is written. */
const usual = {
  ...{ db: 'frugal.db', knee: false, trial: undefined, format: undefined, qat: 'auto', prune: undefined },
  ...{ weights: undefined, data: undefined, verify: true, name: 'model', duty: '10s', epochs: undefined },
  ...{ patience: undefined, recipe: undefined, 'batch-size': undefined, 'learning-rate': undefined },
  ...{ teacher: undefined, 'teacher-weight': undefined, 'teacher-temperature': undefined },
}

test('the command of an export names its experiment and what was written, and nothing that is usual', (t) => {
  t.is(exportCommand(usual, 3, plan), 'frugal export 3 --device titan-rtx')
  t.is(
    exportCommand({ ...usual, trial: 0, db: 'my lab.db' }, 1, plan),
    "frugal export 1 --db 'my lab.db' --device titan-rtx --trial 0",
  )
  const much = { ...usual, knee: true, epochs: 10, patience: 0, recipe: 'long', qat: 'always', prune: 0.3, name: 'a b' }
  t.is(
    exportCommand({ ...much, format: 'onnx, c', verify: false, duty: '1h' }, 2, { ...plan, weightBits: 'mixed' }),
    "frugal export 2 --device titan-rtx --knee --epochs 10 --patience 0 --recipe long --prune 0.3 --qat always --name 'a b' --duty 1h --format onnx,c --weights-bits mixed --no-verify",
  )
})
