import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

test('devices validate prices the cases of a device again', async (t) => {
  const { code, stdout } = await frugal(temporaryFolder(t), 'devices', 'validate', 'stm32h747-xcubeai8', '--json')
  t.is(code, 0)
  const { device, suites } = JSON.parse(stdout)
  t.is(device, 'stm32h747-xcubeai8')
  t.is(suites[0].quantity, 'latency')
  t.true(suites[0].mape > 0 && suites[0].mape < 0.07)
  t.is(suites[0].cases, 9)
})

test('bench on this machine, then calibrate: a profile that loads', async (t) => {
  const folder = temporaryFolder(t)
  const bench = await frugal(folder, 'devices', 'bench', '--emit', 'bench', '--run', 'host')
  t.is(bench.code, 0, bench.stderr)
  t.true(existsSync(path.join(folder, 'bench', 'network-20.onnx')))
  const lines = readFileSync(path.join(folder, 'bench', 'measurements.csv'), 'utf8')
    .trim()
    .split('\n')
  t.is(lines.length, 21)
  t.true(lines.slice(1).every((line) => Number(line.split(',')[1]) > 0))
  const calibrated = await frugal(
    folder,
    ...['devices', 'calibrate', '--measurements', 'bench/measurements.csv'],
    ...['--base', 'titan-rtx-batch64', '--out', 'host.profile.json', '--json'],
  )
  t.is(calibrated.code, 0, calibrated.stderr)
  const { base, leftOut } = JSON.parse(calibrated.stdout)
  t.is(base, 'titan-rtx-batch64')
  t.true(leftOut.coverage90 > 0.5, 'the interval of the others holds most networks')
  const told = await frugal(
    folder,
    ...['devices', 'calibrate', '--measurements', 'bench/measurements.csv'],
    ...['--base', 'titan-rtx-batch64', '--out', 'told.profile.json'],
  )
  t.regex(told.stdout, /90 % interval of latency is ±[\d.]+ % or wider; .* held \d+ of the 20 networks/)
  t.is(loadProfile(path.join(folder, 'host.profile.json')).id, 'host')
})

test('wrong uses are told in one sentence', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'few.csv'), 'model,latency_ms\nmobilenetV1 0.25 96 5,1\n')
  writeFileSync(path.join(folder, 'none.csv'), `model,latency_ms\n${'gone.onnx,1\n'.repeat(6)}`)
  const calibrate = ['devices', 'calibrate']
  const rows = [1, 2, 3, 4, 5].map((i) => `mobilenetV1 0.25 96 ${i},${i}`)
  writeFileSync(path.join(folder, 'whole.csv'), ['model,latency_ms', ...rows].join('\n'))
  const whole = ['--measurements', 'whole.csv', '--out', 'x.profile.json']
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [calibrate, /name your measurements/],
    [[...calibrate, '--measurements', 'few.csv'], /name the profile file to write/],
    [[...calibrate, '--measurements', 'few.csv', '--out', 'x.json'], /must end in ID\.profile\.json/],
    [[...calibrate, '--measurements', 'few.csv', '--out', 'x.profile.json'], /time at least 5/],
    [[...calibrate, '--measurements', 'none.csv', '--out', 'x.profile.json'], /line 2 .*there is no file 'gone\.onnx'/],
    [[...calibrate, ...whole, '--without', 'raspi5'], /unknown device to leave out 'raspi5'.*raspi4/],
    [[...calibrate, ...whole, '--without', 'raspi4', '--base', 'titan-rtx'], /--without says what not to blend with/],
    [[...calibrate, ...whole, '--clock-mhz', '80'], /--clock-mhz turns the cycles of --operators into time/],
    [[...calibrate, '--measurements', 'gone.csv', '--out', 'x.profile.json'], /'gone\.csv' .*there is no such file/],
    [['devices', '--measurements', 'few.csv'], /--measurements is a flag of frugal devices calibrate/],
    [['devices', 'show', 'a100', '--emit', 'b'], /--emit is a flag of frugal devices bench/],
    [['devices', 'bench'], /name the folder to write to/],
    [['devices', 'bench', '--emit', 'b', '--networks', '0'], /--networks takes a whole number from 1 to 200, not 0/],
    [['devices', 'bench', '--emit', 'b', '--space', 'mobilenets'], /unknown space 'mobilenets'/],
    [['devices', 'validate', 'stm32f445'], /unknown device 'stm32f445'/],
    [['devices', 'bench', 'stm32f446-tflm-cmsisnn'], /takes no device id/],
  ]
  for (const [args, message] of wrong) {
    const { code, stderr } = await frugal(folder, ...args)
    t.is(code, 2, args.join(' '))
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1)
  }
})

test('what devices bench wrote, as one JSON object', async (t) => {
  const folder = temporaryFolder(t)
  const networks = await frugal(folder, 'devices', 'bench', '--emit', 'nets', '--networks', '1', '--json')
  t.is(networks.code, 0, networks.stderr)
  t.deepEqual(JSON.parse(networks.stdout), {
    folder: 'nets',
    files: ['network-01.onnx'],
    measurements: 'nets/measurements.csv',
    timed: false,
  })
  t.deepEqual(readdirSync(path.join(folder, 'nets')).sort(), ['measurements.csv', 'network-01.onnx'])
  const measured = 'model,latency_ms\nnetwork-01.onnx,12.4\n'
  writeFileSync(path.join(folder, 'nets', 'measurements.csv'), measured)
  const again = await frugal(folder, 'devices', 'bench', '--emit', 'nets', '--networks', '2')
  t.is(again.code, 2)
  t.regex(again.stderr, /'nets\/measurements\.csv' holds times already: name another folder, or move it away/)
  t.is(readFileSync(path.join(folder, 'nets', 'measurements.csv'), 'utf8'), measured)
  const programs = await frugal(folder, 'devices', 'bench', '--emit-c', 'programs', '--json')
  const { files, ...rest } = JSON.parse(programs.stdout) as { readonly files: readonly string[] }
  t.deepEqual(rest, { folder: 'programs' })
  t.deepEqual([...files].sort(), readdirSync(path.join(folder, 'programs')).sort())
})
