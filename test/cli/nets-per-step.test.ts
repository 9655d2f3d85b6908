import test from 'ava'
import { type CrewArguments, checkCrew, crewOf, trainedAtOnce } from '../../cli/actions/crew.ts'
import { frugal, start, temporaryFolder } from './run-frugal.ts'

const FLAGS = [
  ...['--trials', '6', '--seed', '4', '--device', 'titan-rtx', '--data-fraction', '0.1', '--epochs', '2', '--json'],
  ...['--engine', 'onnxruntime', '--look-ahead', '4'],
]

test('a search whose networks step together ends with the same front, byte for byte, killed in between or not', async (t) => {
  const folder = temporaryFolder(t)
  const front = async (db: string): Promise<string> => (await frugal(folder, 'front', '--json', '--db', db)).stdout
  const alone = await frugal(folder, 'search', '--workers', '1', '--db', 'alone.db', ...FLAGS)
  t.is(alone.code, 0, alone.stderr)
  const flags = ['--workers', '1', '--nets-per-step', '3', '--db', 'together.db']
  const first = start(folder, 'search', ...flags, ...FLAGS)
  await first.line(/"event":"started","trial":2/)
  first.kill('SIGKILL')
  await first.finished
  const resumed = await frugal(folder, 'resume', ...flags, '--json')
  t.is(resumed.code, 0, resumed.stderr)
  t.is(await front('together.db'), await front('alone.db'))
  t.regex(await front('alone.db'), /"accuracy"/)
})

const crew = (flags: string, choice: Parameters<typeof crewOf>[1], bounds?: Parameters<typeof crewOf>[2]) => {
  const [workers, nets] = flags.split('x').map((text) => (text === '' ? undefined : Number(text)))
  const args: CrewArguments = { workers, 'nets-per-step': nets, isolate: false }
  checkCrew(args)
  return crewOf(args, choice, bounds)
}
const ON_CPU = { engine: 'onnxruntime', provider: 'cpu' } as const
const ON_GPU = { engine: 'onnxruntime', provider: 'webgpu' } as const
const TENSORFLOW = { engine: 'tensorflow', provider: 'cpu' } as const

test('threads and networks on each, within what the look-ahead and the trials keep busy', (t) => {
  t.deepEqual(crew('x4', ON_GPU), { workers: 1, netsPerStep: 4, isolate: false })
  t.deepEqual(crew('x', TENSORFLOW), { workers: 1, netsPerStep: 1, isolate: false })
  t.deepEqual(crew('2x4', ON_CPU, { lookAhead: 8, trials: 100 }), { workers: 2, netsPerStep: 4, isolate: false })
  t.is(trainedAtOnce(crew('2x4', ON_CPU)), 8)
  t.deepEqual(crew('2x4', ON_CPU, { lookAhead: 8, trials: 3 }), { workers: 1, netsPerStep: 4, isolate: false })
  t.is(crew('x5', ON_CPU, { lookAhead: 9, trials: 100 }).workers, 1)
})

for (const [flags, choice, message] of [
  ['x0', ON_CPU, /--nets-per-step must be a whole number from 1/],
  ['x2', TENSORFLOW, /--nets-per-step 2 is for the engine 'onnxruntime'/],
  ['2x', TENSORFLOW, /--workers 2 is too many: tensorflow trains on one thread at a time$/],
  ['2x', ON_GPU, /--workers 2 is too many: onnxruntime:webgpu .*; --nets-per-step trains several there/],
  ['x9', ON_GPU, /--nets-per-step 9 is more than --look-ahead 8: raise --look-ahead to at least 9/],
  ['3x3', ON_CPU, /--workers 3 with --nets-per-step 3 is more than --look-ahead 8: .* at least 9/],
] as const) {
  test(`workers and networks per step ${flags} with ${choice.engine} on ${choice.provider} are refused`, (t) => {
    t.throws(() => crew(flags, choice, { lookAhead: 8, trials: 100 }), { name: 'UserError', message })
  })
}

test('a search that has begun keeps its look-ahead: resume says how many can train', (t) => {
  t.throws(() => crew('3x3', ON_CPU, { lookAhead: 8, trials: 100, begun: true }), {
    name: 'UserError',
    message: /^--workers 3 with --nets-per-step 3 is too many: .* with --look-ahead 8, so at most 8 networks/,
  })
})
