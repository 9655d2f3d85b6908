import test from 'ava'
import { frugal, temporaryFolder } from './run-frugal.ts'

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['bench', /name a benchmark: frugal bench proxy/],
  ['bench proxi', /proxy/],
  ['bench proxy --networks 3', /--networks must be a whole number from 4/],
  ['bench proxy --full epochs=0', /--full 'epochs=0': epochs must be a whole number from 1/],
  ['bench proxy --fidelities passes=1', /--fidelities 'passes=1': write epochs=2,data=0\.5/],
  ['bench proxy --fidelities data=0.5>data=0.2', /--fidelities 'data=0\.5>data=0\.2': stage 2 must not use less data/],
  ['bench proxy --engine tensorflw', /unknown engine 'tensorflw': did you mean 'tensorflow'/],
  ['bench proxy --provider rocm', /unknown provider 'rocm'/],
  ['bench proxy --recipe adam', /unknown recipe 'adam': did you mean 'adamw'/],
  ['bench proxy --space mobilnet', /unknown space 'mobilnet': did you mean 'mobilenet'/],
  ['bench proxy --data ./nowhere', /'\.\/nowhere' does not exist/],
  ['bench proxy --trial-timeout soon', /--trial-timeout 'soon' is not a number with a unit/],
  ['search --recipe adam', /unknown recipe 'adam': did you mean 'adamw'/],
  ['search --recipe ./mine.yaml', /recipe file '\.\/mine\.yaml' does not exist/],
]

for (const [line, message] of WRONG) {
  test(`frugal ${line}: one sentence, exit code 2`, async (t) => {
    const { code, stderr } = await frugal(temporaryFolder(t), ...line.split(' '))
    t.is(code, 2, stderr)
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  })
}

test('frugal bench proxy compares a few networks, prints what was run, and goes on from what was kept', async (t) => {
  const folder = temporaryFolder(t)
  const run = (fidelity: string) =>
    frugal(
      folder,
      ...`bench proxy --networks 4 --full epochs=1,data=0.1 --inherit --workers 2 --keep kept --json`.split(' '),
      '--fidelities',
      fidelity,
    )
  const first = await run('data=0.05')
  t.is(first.code, 0, first.stderr)
  const { code, stdout, stderr } = await run('data=0.05>data=0.05')
  t.is(code, 0, stderr)
  const report = JSON.parse(stdout)
  t.like(report, { space: 'mobilenet', data: 'builtin', recipe: 'default', full: 'epochs=1,data=0.1', networks: 4 })
  const stages = 'epochs=1,data=0.05>epochs=1,data=0.05'
  t.deepEqual(
    report.rows.map(({ proxy }: { proxy: string }) => proxy),
    [
      'epochs=1,data=0.05',
      'epochs=1,data=0.05 with MACs',
      stages,
      `${stages} with MACs`,
      'epochs=1,data=0.05 inherited',
      'epochs=1,data=0.05 inherited with MACs',
      `${stages} inherited`,
      `${stages} inherited with MACs`,
      'parameters',
      'macs',
      'gradient-norm',
      'synflow',
      'naswot',
    ],
  )
  for (const { kind, tau, costShare } of report.rows) {
    t.true(tau === null || (tau >= -1 && tau <= 1))
    t.true(kind === 'training' ? costShare > 0 : costShare >= 0)
  }
  t.regex(stderr, /trained 20 of 20/)
  t.false('meanTau' in report.rows[0])
  // What the first run measured was not trained again: even the processor time is the same.
  t.is(report.fullCpuSeconds, JSON.parse(first.stdout).fullCpuSeconds)
  t.is(report.rows[0].costShare, JSON.parse(first.stdout).rows[0].costShare)
})

test('with --ceiling the table has tau with the mean of both full trainings', async (t) => {
  const flags = 'bench proxy --networks 4 --full epochs=1,data=0.1 --ceiling --workers 1 --fidelities data=0.05'
  const { code, stdout, stderr } = await frugal(temporaryFolder(t), ...flags.split(' '))
  t.is(code, 0, stderr)
  const lines = stdout.split('\n')
  t.regex(stdout, /judged by +tau +95 % interval +by accuracy +of two full +cost +failed/)
  t.regex(lines.find((line) => line.startsWith('epochs=1,data=0.05'))!, /\(-?\d\.\d\d to -?\d\.\d\d\) +\S+ %/)
  t.regex(lines.find((line) => line.includes('from other weights'))!, / to -?\d\.\d\d +\S+ % +0/)
})
