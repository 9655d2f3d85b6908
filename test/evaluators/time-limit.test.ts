import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { timeLimit } from '../../evaluators/pool/time-limit.ts'

/** What a process that is stopped and continued looks like from inside: nothing runs, and the clock goes on. */
const standStill = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

test('time in which the process stood still does not count', async (t) => {
  const limit = timeLimit(0.4)
  standStill(450)
  await delay(0)
  t.false(limit.signal.aborted)
  const alive = setTimeout(() => undefined, 60_000)
  await once(limit.signal, 'abort')
  clearTimeout(alive)
  t.true(limit.signal.aborted)
})

test('a limit that is lifted never ends', async (t) => {
  const limit = timeLimit(0.05)
  limit.lift()
  await delay(120)
  t.false(limit.signal.aborted)
})
