import test from 'ava'
import { energyOfPass } from '../../cli/actions/export-energy.ts'

type Searched = Parameters<typeof energyOfPass>[0]

/** Trials as architecture, rung and joules. */
function searched(settings: object, ...trials: readonly (readonly [archId: string, rung: number, joules: number])[]) {
  return {
    settings,
    trials: trials.map(([archId, rung], trial) => ({ archId, rung, trial })),
    energy: { basis: 'estimated', trials: trials.map(([, , joules], trial) => ({ trial, joules })) },
  } as unknown as Searched
}

test('a pass over the training part: what the search counted, by its epochs and its share of the data', (t) => {
  const settings = { fidelity: { epochs: 2, dataFraction: 0.25 } }
  const search = searched(settings, ['a', 0, 30], ['b', 0, 50], ['c', 0, 0])
  t.is(energyOfPass(search, 'a')!.joules, 60)
  t.is(energyOfPass(search, 'b')!.joules, 100)
  t.regex(energyOfPass(search, 'a')!.source, /the search counted \(estimated\)/)
  t.is(energyOfPass(search, 'c'), undefined, 'taken from earlier measurements')
  t.is(energyOfPass(search, 'd'), undefined)
})

test('with a ladder: all stages of the network, smaller pictures by their area', (t) => {
  const stages = [
    { epochs: 1, dataFraction: 0.5, resolution: 0.5 },
    { epochs: 2, dataFraction: 0.5 },
  ]
  const search = searched(
    { fidelity: { epochs: 2, dataFraction: 0.5 }, ladder: { stages } },
    ['a', 0, 5],
    ['b', 0, 4],
    ['a', 1, 40],
  )
  t.is(energyOfPass(search, 'a')!.joules, 45 / (0.125 + 1))
  t.is(energyOfPass(search, 'b')!.joules, 4 / 0.125)
})
