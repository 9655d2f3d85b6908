import test from 'ava'
import { LISTS_PROCESSES, signalTrainingProcesses, trainingProcesses } from '../evaluators/training-processes.ts'
import { frugal, start, temporaryFolder } from './run-frugal.ts'

const FLAGS = [
  ...['--trials', '5', '--seed', '4', '--device', 'titan-rtx', '--data-fraction', '0.2', '--epochs', '2', '--json'],
  ...['--engine', 'onnxruntime', '--workers', '2'],
]
const run = LISTS_PROCESSES ? test.serial : test.serial.skip

run(
  'with --isolate a search outlives its crashing processes, ends with the same front and leaves none behind',
  async (t) => {
    const folder = temporaryFolder(t)
    const front = async (db: string): Promise<string> => (await frugal(folder, 'front', '--json', '--db', db)).stdout
    const threads = await frugal(folder, 'search', '--db', 'threads.db', ...FLAGS)
    t.is(threads.code, 0, threads.stderr)
    const search = start(folder, 'search', '--isolate', '--db', 'isolated.db', ...FLAGS)
    await signalTrainingProcesses(2, 'SIGABRT')
    const { code, stdout, stderr } = await search.finished
    t.is(code, 0, stderr)
    t.like(JSON.parse(stdout.trim().split('\n').at(-1)!) as object, { event: 'done', trials: 5, failures: 0 })
    t.is(await front('isolated.db'), await front('threads.db'))
    t.regex(await front('threads.db'), /"accuracy"/)
    t.deepEqual(trainingProcesses(), [])
  },
)

run('processes end with a search that is killed', async (t) => {
  const folder = temporaryFolder(t)
  const search = start(folder, 'search', '--isolate', '--db', 'killed.db', '--epochs', '40', '--workers', '2')
  await signalTrainingProcesses(2, 'SIGCONT')
  search.kill('SIGKILL')
  await search.finished
  const patience = performance.now() + 20_000
  while (trainingProcesses().length > 0 && performance.now() < patience) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.deepEqual(trainingProcesses(), [])
})
