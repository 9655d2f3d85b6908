import test from 'ava'
import { earlyAccuracy, fromMinimised, objectiveVector, parseCost, parseObjectives } from '../../search/objectives.ts'

const INPUTS = { accuracy: 0.75, latencyMs: 3, energyMj: 4, peakRamBytes: 5, flashBytes: 6, macs: 7 }

test('accuracy becomes an error, costs stay, in the order asked for', (t) => {
  t.deepEqual(
    objectiveVector(['accuracy', 'macs', 'flashBytes', 'peakRamBytes', 'energyMj', 'latencyMs'], INPUTS),
    [0.25, 7, 6, 5, 4, 3],
  )
  t.deepEqual([fromMinimised('accuracy', 0.25), fromMinimised('latencyMs', 3)], [0.75, 3])
})

test('an objective that is no number fails by its name, also the first one', (t) => {
  t.like(objectiveVector(['accuracy', 'latencyMs'], { ...INPUTS, latencyMs: Number.NaN }), {
    ok: false,
    code: 'non-finite-objective',
    message: 'latencyMs is NaN',
  })
  t.like(objectiveVector(['accuracy', 'latencyMs'], { ...INPUTS, accuracy: Number.NEGATIVE_INFINITY }), {
    message: 'accuracy is -Infinity',
  })
})

test('early accuracy is the explained share of the entropy of the labels', (t) => {
  // A guess among eight equally frequent classes has a cross entropy of ln 8.
  t.is(earlyAccuracy({ accuracy: 0.3, crossEntropy: Math.log(8) }, 8), 0)
  t.true(Math.abs(earlyAccuracy({ accuracy: 0.3, crossEntropy: Math.log(2) }, 8) - 2 / 3) < 1e-15)
  t.is(earlyAccuracy({ accuracy: 0.3, crossEntropy: 0 }, 8), 1)
  t.is(earlyAccuracy({ accuracy: 0.3, crossEntropy: Math.log(2) }, 2), 0)
  t.is(earlyAccuracy({ accuracy: 0.3, crossEntropy: Math.log(2) }, 1), 0, 'as for two classes')
  t.is(earlyAccuracy({ accuracy: 0.3 }, 8), 0.3)
})

test('objectives are read by their short and full names', (t) => {
  t.deepEqual(parseObjectives('error, latency,energyMj,memory ,flash,macs'), [
    'accuracy',
    'latencyMs',
    'energyMj',
    'peakRamBytes',
    'flashBytes',
    'macs',
  ])
  t.deepEqual(parseObjectives('accuracy,ram'), ['accuracy', 'peakRamBytes'])
  const refused = (text: string, message: RegExp) =>
    t.throws(() => parseObjectives(text), { name: 'UserError', message }, text)
  refused('accuracy,latancy', /latancy.*latency/)
  refused('accuracy,constructor', /constructor/)
  refused('accuracy,latency,latencyMs', /names one objective twice/)
  refused('latency,accuracy', /must start with accuracy/)
  refused('accuracy', /name at least one cost/)
})

test('a single cost is read, and accuracy is none', (t) => {
  t.is(parseCost(' ram', '--cost'), 'peakRamBytes')
  t.is(parseCost('energyMj', '--cost'), 'energyMj')
  for (const text of ['accuracy', 'error', 'time', 'toString']) {
    t.throws(() => parseCost(text, '--cost'), {
      name: 'UserError',
      message: `--cost '${text}' is no cost: write latency, energy, ram, flash or macs`,
    })
  }
})
