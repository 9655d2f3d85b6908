import test from 'ava'
import { crewNotes, dataNotes } from '../../cli/actions/search-notes.ts'
import { loadDataset } from '../../evaluators/datasets/load.ts'

test('a validation part that lacks classes or is small is told of, any other is not', async (t) => {
  const whole = await loadDataset('builtin', { seed: 1 })
  t.deepEqual(dataNotes(whole), [])
  const validation = whole.splits.validation.filter((sample) => ![2, 5].includes(whole.labels[sample]!)).slice(0, 40)
  const [lacking, small, ...more] = dataNotes({ ...whole, splits: { ...whole.splits, validation } })
  t.is(
    lacking,
    `the validation part lacks 2 of 10 classes (${whole.classNames[2]}, ${whole.classNames[5]}): accuracies say nothing about them`,
  )
  t.regex(small!, /^the validation part has 40 samples: accuracies move in steps of 2\.5 points/)
  t.deepEqual(more, [])
})

test('copies of training samples in other parts, and classes that are nearly called alike, are told of', async (t) => {
  const whole = await loadDataset('builtin', { seed: 1 })
  const { train, validation, test: held } = whole.splits
  const samples = whole.samples.slice()
  const size = 16 * 16
  const copy = (count: number, part: Uint32Array) => {
    for (let i = 0; i < count; i++) samples.copyWithin(part[i]! * size, train[i]! * size, (train[i]! + 1) * size)
  }
  copy(10, validation)
  t.deepEqual(dataNotes({ ...whole, samples }), [], 'a fiftieth moves nothing')
  copy(11, validation)
  copy(30, held)
  t.deepEqual(dataNotes({ ...whole, samples }), [
    '11 of 500 validation samples and 30 of 1000 test samples are copies of training samples: accuracies look better than new samples will have it; take the copies away, or keep them in one part',
  ])
  t.deepEqual(
    dataNotes({ ...whole, samples, inputShape: [1, 1, 5] }),
    [],
    'readings of five sensors are equal by chance',
  )
  const classNames = whole.classNames.map((name, i) => (i === 3 ? 'Left Turn' : i === 7 ? 'left_turn' : name))
  t.deepEqual(dataNotes({ ...whole, classNames }), [
    "the classes 'Left Turn' and 'left_turn' differ in capitals, spaces or underscores only: are they one?",
  ])
})

test('cores that the look-ahead leaves idle are told of, once nothing else says how many train', (t) => {
  const settings = { lookAhead: 8, trials: 32 }
  const asked = { workers: undefined }
  const [note, ...more] = crewNotes(settings, asked, false, 64)
  t.regex(
    note!,
    /^--look-ahead 8 keeps at most 8 of 64 cores busy; .*: with more --trials it may be up to a sixth of them/,
  )
  t.deepEqual(more, [])
  t.regex(crewNotes({ ...settings, trials: 192 }, asked, false, 64)[0]!, /: --look-ahead 32 trains more at a time/)
  t.regex(crewNotes({ ...settings, trials: 1e4 }, asked, false, 64)[0]!, /: --look-ahead 256 trains more at a time/)
  t.deepEqual(crewNotes(settings, asked, false, 8), [])
  t.deepEqual(crewNotes({ ...settings, trials: 8 }, asked, false, 64), [], 'no more networks than that')
  t.deepEqual(crewNotes(settings, { workers: 4 }, false, 64), [], 'the user said how many')
  t.deepEqual(crewNotes(settings, asked, true, 64), [], 'a GPU trains')
})
