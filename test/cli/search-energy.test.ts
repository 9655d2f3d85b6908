import test from 'ava'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

test('a search stops at its limit of energy, says so, and goes on with a higher one to the same front', async (t) => {
  const folder = temporaryFolder(t)
  const flags = ['search', '--trials', '5', '--workers', '1', ...QUICK]
  const whole = await frugal(folder, ...flags, '--db', 'whole.db', '--json', '--carbon-intensity', '250')
  t.is(whole.code, 0, whole.stderr)
  const { energy } = JSON.parse(whole.stdout.trim().split('\n').at(-1)!) as {
    energy: { wattHours: number; gramsCo2e: number; basis: string; sources: string[]; trials: { wattHours: number }[] }
  }
  t.is(energy.trials.length, 5)
  t.true(energy.trials.every(({ wattHours }) => wattHours > 0))
  t.true(energy.trials.reduce((sum, { wattHours }) => sum + wattHours, 0) <= energy.wattHours)
  t.true(Math.abs(energy.gramsCo2e / energy.wattHours - 0.25) < 1e-9)
  t.true(energy.sources.length > 0)

  const cut = await frugal(folder, ...flags, '--db', 'cut.db', '--max-search-energy', '0.001J')
  t.is(cut.code, 0, cut.stderr)
  t.regex(
    cut.stdout,
    /Stopped by its limit of energy; continue with: frugal resume 1 --db cut\.db --max-search-energy /,
  )
  const status = await frugal(folder, 'status', '--db', 'cut.db')
  t.regex(status.stdout, /interrupted/)
  t.regex(status.stdout, /Energy: .* limit .*\nStopped by its limit of energy/)
  const json = JSON.parse((await frugal(folder, 'status', '--db', 'cut.db', '--json')).stdout) as {
    energy: { atLimit: boolean }
  }
  t.true(json.energy.atLimit)

  const again = await frugal(folder, 'resume', '--db', 'cut.db')
  t.is(again.code, 2)
  t.regex(again.stderr, /experiment 1 has used .*, its limit is .*: give a higher one, such as --max-search-energy /)
  const resumed = await frugal(folder, 'resume', '--db', 'cut.db', '--max-search-energy', '1Wh')
  t.is(resumed.code, 0, resumed.stderr)
  const fronts = await Promise.all(['whole.db', 'cut.db'].map((db) => frugal(folder, 'front', '--json', '--db', db)))
  t.is(fronts[0]!.stdout, fronts[1]!.stdout)
})

test('a limit that is reached between trainings ends the search there, with what was trained kept', async (t) => {
  const folder = temporaryFolder(t)
  const flags = ['search', '--workers', '1', '--look-ahead', '2', '--json', ...QUICK]
  type Done = { event: string; trials: number; energy: { wattHours: number; limitWattHours: number; atLimit: boolean } }
  const last = ({ stdout }: { readonly stdout: string }) => JSON.parse(stdout.trim().split('\n').at(-1)!) as Done
  const first = last(await frugal(folder, ...flags, '--trials', '2', '--db', 'first.db'))
  const limit = first.energy.wattHours * 1.5
  const cut = await frugal(folder, ...flags, '--trials', '100', '--max-search-energy', `${limit}Wh`)
  t.is(cut.code, 0, cut.stderr)
  const { event, trials, energy } = last(cut)
  t.is(event, 'interrupted')
  t.true(trials >= 1 && trials < 50, `${trials} trials`)
  t.true(energy.atLimit)
  t.true(energy.wattHours >= limit && energy.wattHours < 4 * limit, `${energy.wattHours} of ${limit} Wh`)
  const { completed } = JSON.parse((await frugal(folder, 'status', '--json')).stdout) as { completed: number }
  t.is(completed, trials)
})

test('flags about energy that mean nothing are refused before anything is written', async (t) => {
  const folder = temporaryFolder(t)
  for (const [flags, message] of [
    [
      ['--max-search-energy', '20'],
      /--max-search-energy '20' is not a number with a unit \(J, kJ, MJ, mWh, Wh, kWh, MWh\): write for example 20Wh/,
    ],
    [['--carbon-intensity', '-3'], /--carbon-intensity must be a number above 0 and at most 5000, not -3/],
  ] as const) {
    const { code, stderr } = await frugal(folder, 'search', ...flags)
    t.is(code, 2)
    t.regex(stderr, message)
  }
  const { code, stderr } = await frugal(folder, 'status', '--carbon-intensity', '0')
  t.is(code, 2)
  t.regex(stderr, /--carbon-intensity/)
})
