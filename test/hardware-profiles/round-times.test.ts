import test from 'ava'
import {
  busyNote,
  busyNoteOf,
  busyText,
  isBusy,
  RoundTimes,
  watchProcessor,
} from '../../hardware-profiles/host/round-times.ts'

test('what two rounds agree on is settled, whatever a third one says', (t) => {
  const times = new RoundTimes()
  for (const ms of [5, 1, 1.05]) times.add('disturbed once', ms)
  for (const ms of [1, 1.5]) times.add('never alike', ms)
  times.add('timed once', 1)
  t.true(times.isSettled('disturbed once'))
  t.false(times.isSettled('never alike'))
  t.false(times.isSettled('timed once'))
  t.is(times.least('disturbed once'), 1)
  t.is(times.unsettledShare(), 2 / 3)
  t.throws(() => times.least('unknown'), { instanceOf: RangeError })
})

test('a computer is busy where rounds differ or other programs take the processor, and the profile says so', (t) => {
  t.false(isBusy({ unsettledShare: 0.1 }))
  t.true(isBusy({ unsettledShare: 0.4 }))
  t.true(isBusy({ unsettledShare: 0.1, processorShare: 0.3 }))
  t.is(busyText({ unsettledShare: 0.4 }), '40 % of the times differed by more than 10 % between two rounds')
  t.regex(busyText({ unsettledShare: 0.14, processorShare: 0.3 }), /left 30 % of a processor core.*14 % of the times/)
  const note = busyNote({ unsettledShare: 0.4 })
  t.is(busyNoteOf(['something else', note]), note)
  t.is(busyNoteOf(['Times are the least of many runs']), undefined)
})

test('a process that waits takes little of the processor', async (t) => {
  const share = watchProcessor()
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.true(share() < 0.8)
})
