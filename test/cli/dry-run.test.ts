import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

interface Told {
  readonly samples: number
  readonly dataset: { readonly classes: number }
  readonly devices: readonly { device: string; withinLimits: number; peakRamBytes: [number, number] }[]
}

test('a dry run says what fits and leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t)
  const flags = ['search', '--device', 'stm32f446-tflm-cmsisnn,titan-rtx', '--max-ram', '48KB', '--dry-run']
  const { code, stdout, stderr } = await frugal(folder, ...flags)
  t.is(code, 0, stderr)
  t.regex(stdout, /^Would search: 32 trials of 'mobilenet' on builtin \(16×16×1, 10 classes/)
  t.regex(stdout, /^stm32f446-tflm-cmsisnn +\d+ of 200 +\S+ ms to \S+ ms /m)

  const told = JSON.parse((await frugal(folder, ...flags, '--json')).stdout) as Told
  t.is(told.samples, 200)
  t.is(told.dataset.classes, 10)
  const [mcu] = told.devices
  t.deepEqual(
    told.devices.map(({ device }) => device),
    ['stm32f446-tflm-cmsisnn', 'titan-rtx'],
  )
  t.true(mcu!.withinLimits > 0 && mcu!.withinLimits < 200)
  t.true(mcu!.peakRamBytes[0] < 48 * 1024 && mcu!.peakRamBytes[1] > 48 * 1024)

  const impossible = await frugal(folder, 'search', '--max-ram', '500B', '--dry-run')
  t.is(impossible.code, 2)
  t.regex(impossible.stderr, /500 B allowed/)
  t.false(existsSync(path.join(folder, 'frugal.db')))
  t.deepEqual(readdirSync(folder), [])
})
