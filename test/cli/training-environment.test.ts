import { spawnSync } from 'node:child_process'
import test from 'ava'
import { trainingEnvironment } from '../../evaluators/pool/training-environment.ts'
import { FRUGAL } from './run-frugal.ts'

const SETTING = 'MALLOC_MMAP_THRESHOLD_'

/** Says at the start of every process, before anything of ours, which one it is and what the allocator was told. */
const SAYS = `data:text/javascript,console.error('begins', process.pid, process.env.${SETTING})`

/** Of each beginning of the program: process id and setting. */
function beginnings(args: readonly string[], env: NodeJS.ProcessEnv = {}): readonly string[][] {
  const { PATH } = process.env
  const { status, stderr } = spawnSync(process.execPath, ['--import', SAYS, FRUGAL, ...args], {
    encoding: 'utf8',
    env: { PATH, ...env },
  })
  if (status !== 0) throw new Error(stderr)
  return [...stderr.matchAll(/^begins (\d+) (\w+)$/gm)].map(([, pid, setting]) => [pid!, setting!])
}

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('a search tells the allocator to give memory back, and stays the same process', (t) => {
  const begun = beginnings(['search', '--dry-run'])
  t.is(begun.length, 2)
  const [first, second] = begun
  t.is(first![0], second![0])
  t.is(first![1], 'undefined')
  t.is(second![1], trainingEnvironment({})[SETTING])
})

onLinux('what users tell it themselves is left alone, and so are commands that do not train', (t) => {
  t.deepEqual(
    beginnings(['search', '--dry-run'], { MALLOC_ARENA_MAX: '2' }).map(([, setting]) => setting),
    ['undefined'],
  )
  t.is(beginnings(['devices']).length, 1)
})

test('an environment that names no setting of the allocator gets them, and nothing else changes', (t) => {
  const env = { PATH: '/bin' }
  t.like(trainingEnvironment(env), env)
  t.true(Number(trainingEnvironment(env)[SETTING]) > 0)
  for (const own of [{ MALLOC_ARENA_MAX: '1' }, { GLIBC_TUNABLES: 'glibc.malloc.check=1' }])
    t.is(trainingEnvironment(own), own)
})
