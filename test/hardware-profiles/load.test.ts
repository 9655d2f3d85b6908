import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import {
  checkLimits,
  constraintViolation,
  createCostModel,
  listProfiles,
  loadProfile,
} from '../../hardware-profiles/index.ts'
import { UserError } from '../../lib/errors.ts'
import { plainNetwork } from './networks.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'frugal-profiles-'))
test.after.always(() => rmSync(folder, { recursive: true }))
const write = (name: string, content: string): string => {
  const file = path.join(folder, name)
  writeFileSync(file, content)
  return file
}

test('profiles are listed by id and load by id or path', (t) => {
  const ids = listProfiles().map(({ id }) => id)
  t.true(ids.includes('stm32f446-tflm-cmsisnn'))
  t.deepEqual(ids, [...ids].sort())
  const own = { ...loadProfile('h100'), id: 'my-gpu' }
  t.is(loadProfile(write('my.json', JSON.stringify(own))).id, 'my-gpu')
})

test('an unknown id names the nearest', (t) => {
  const error = t.throws(() => loadProfile('stm32f446-tflm'), { instanceOf: UserError })
  t.regex(error.message, /did you mean 'stm32f446-tflm-cmsisnn'/)
})

test('broken files are refused with one sentence', (t) => {
  const refuse = (file: string, message: RegExp) =>
    t.throws(() => loadProfile(file), { instanceOf: UserError, message })
  refuse(path.join(folder, 'missing.json'), /missing\.json' cannot be read: there is no such file$/)
  refuse(`${folder}/.`, /is a folder: name the file in it$/)
  refuse(write('text.json', 'profile'), /is not JSON/)
  refuse(write('empty.json', '{}'), /is wrong at format/)
  refuse(write('large.json', ' '.repeat(5 * 1024 * 1024)), /at most/)
  const profile = loadProfile('h100')
  const twice = { ...profile, tables: [profile.tables[0], profile.tables[0]] }
  refuse(write('twice.json', JSON.stringify(twice)), /two tables for 'conv2d'/)
  const negative = { ...profile, clockHz: -1 }
  refuse(write('negative.json', JSON.stringify(negative)), /is wrong at clockHz/)
})

test('limits: the device’s memory always counts, the excess is relative', (t) => {
  const profile = loadProfile('stm32f446-tflm-cmsisnn')
  const costs = createCostModel(profile).price(plainNetwork(64, 48))
  const [ram, ...others] = checkLimits(costs, profile)
  t.is(ram?.limit, 'peakRamBytes')
  t.is(ram?.allowed, profile.ramBytes)
  t.deepEqual(others, [])
  const strict = checkLimits(costs, profile, { maxLatencyMs: costs.latencyMs / 2, maxFlashBytes: costs.flashBytes })
  t.deepEqual(
    strict.map(({ limit }) => limit),
    ['latencyMs', 'peakRamBytes'],
  )
  t.is(strict[0]?.relative, 1)
  t.is(constraintViolation(strict), 1 + ram!.relative)
  const nothing = checkLimits({ ...costs, energyMj: 3 }, profile, { maxEnergyMj: 0, maxLatencyMs: costs.latencyMs })
  t.deepEqual(
    nothing.map(({ limit, relative }) => [limit, relative]),
    [
      ['energyMj', 3],
      ['peakRamBytes', ram!.relative],
    ],
    'of nothing the value itself is the excess',
  )
  const { flashBytes } = costs
  const small = [{ maxFlashBytes: flashBytes / 2 }, { maxFlashBytes: 2 * flashBytes }].map((limits, i) =>
    checkLimits(costs, i === 0 ? profile : { ...profile, flashBytes: flashBytes / 4 }, limits).at(-1),
  )
  t.deepEqual(
    small.map((one) => [one?.limit, one?.allowed, one?.relative]),
    [
      ['flashBytes', flashBytes / 2, 1],
      ['flashBytes', flashBytes / 4, 3],
    ],
    'the tighter of both',
  )
  const reserved = { ...profile, memory: { ...profile.memory, runtimeRamBytes: 1000 } }
  t.is(checkLimits(costs, reserved)[0]?.allowed, profile.ramBytes - 1000, 'less what the runtime takes')
  const unsupported = checkLimits({ ...costs, unsupported: ['softmax'] }, profile, { maxRamBytes: 1e9 })
  t.deepEqual(
    unsupported.map(({ limit, relative }) => [limit, relative]),
    [
      ['peakRamBytes', ram!.relative],
      ['unsupported', 1],
    ],
  )
})
