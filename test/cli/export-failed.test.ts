import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import type { ModelCard } from '../../export/model-card.ts'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

/** A compiler whose programs answer something else. */
const WRONG_COMPILER = `#!/bin/sh
printf '#!/bin/sh\\nprintf x > outputs.bin\\necho "samples 1 arena 1 of 2"\\n' > check
/bin/chmod +x check
`
const posix = process.platform === 'win32' ? test.skip : test

posix(
  'a file that fails its check ends the command with 1 and is marked; the other devices are exported',
  async (t) => {
    const root = temporaryFolder(t)
    const tools = path.join(root, 'tools')
    mkdirSync(tools)
    writeFileSync(path.join(tools, 'cc'), WRONG_COMPILER)
    chmodSync(path.join(tools, 'cc'), 0o755)
    // This test file has a process of its own: no other compiler or emulator is found.
    process.env['PATH'] = tools
    const devices = ['stm32f446-frugal-c', 'stm32f446-tflm-cmsisnn'] as const
    const searched = await frugal(root, 'search', '--trials', '2', '--device', devices.join(), ...QUICK)
    t.is(searched.code, 0, searched.stderr)

    const { code, stdout, stderr } = await frugal(
      root,
      'export',
      '--all',
      '--format',
      'c',
      '--epochs',
      '1',
      '--out',
      'out',
    )
    t.is(code, 1)
    t.regex(
      stdout,
      /FAILED: c\/model\.c on host \(\w+\): it gives other outputs than the reference: .*\nNOT verified: c\/model\.c on emulated cortex-m4 \(mps2-an386\): no arm-none-eabi-gcc/,
    )
    t.regex(
      stderr,
      /^frugal: verification failed for stm32f446-frugal-c: c\/model\.c on .*: \d+ of \d+, first for sample 0 \(allowed: bit for bit\); so did c\/model\.c on host \(\w+\) for stm32f446-tflm-cmsisnn; the files are in 'out', marked as failed: do not use them\n$/,
    )
    for (const device of devices) {
      const folder = path.join(root, 'out', device)
      t.true(existsSync(path.join(folder, 'c', 'model.c')))
      const card = JSON.parse(readFileSync(path.join(folder, 'card.json'), 'utf8')) as ModelCard
      t.deepEqual(
        card.verification.map(({ verified, failed }) => [verified, failed]),
        [[false, true], ...Array(3).fill([false, undefined])],
      )
      t.regex(
        readFileSync(path.join(folder, 'README.md'), 'utf8'),
        /\*\*Verification failed: do not use `c\/model\.c`\.\*\*/,
      )
    }
    t.is(readFileSync(path.join(root, 'out', 'README.md'), 'utf8').match(/0 of 4, \*\*1 FAILED\*\*/g)?.length, 2)
    const asJson = await frugal(root, 'export', '--format', 'c', '--epochs', '1', '--out', 'json', '--json')
    t.is(asJson.code, 1, asJson.stderr)
    const told = JSON.parse(asJson.stdout) as {
      readonly experiment: number
      readonly devices: readonly {
        readonly device: string
        readonly files: readonly string[]
        readonly card: ModelCard
      }[]
      readonly energy: { readonly wattHours: number }
    }
    t.is(told.experiment, 1)
    t.true(told.energy.wattHours > 0)
    const [{ device, files, card }] = told.devices as [(typeof told.devices)[number]]
    t.is(device, devices[0])
    t.deepEqual(card, JSON.parse(readFileSync(path.join(root, 'json', 'card.json'), 'utf8')) as ModelCard)
    t.true(files.includes('c/model.c') && files.every((file) => existsSync(path.join(root, 'json', file))))
    t.regex(asJson.stderr, /^training trial \d.*\nEnergy of this run: .*\nfrugal: verification failed for /s)
    const unseen = await frugal(root, 'export', '--format', 'c', '--epochs', '1', '--no-verify', '--out', 'out')
    t.is(unseen.code, 0, unseen.stderr)
    t.regex(unseen.stdout, /^NOT verified: c\/model\.c: --no-verify$/m)
  },
)
