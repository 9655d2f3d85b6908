import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Pace } from '../../cli/render/pace.ts'
import { createProgress, type ProgressSnapshot } from '../../cli/render/progress.ts'
import { formatDuration } from '../../cli/render/progress-lines.ts'
import { FakeTerminal } from './fake-terminal.ts'

const DEVICES = ['stm32f446-tflm-cmsisnn', 'titan-rtx']

const snapshot = (told: number): ProgressSnapshot => ({
  told,
  failures: 1,
  rejected: 23,
  training: 2,
  fronts:
    told === 0
      ? {}
      : {
          [DEVICES[0]!]: {
            best: { accuracy: 0.9734, latencyMs: 3.25, energyMj: 0.4, peakRamBytes: 51_200 },
            hypervolume: 0.81234,
            size: 4,
          },
        },
})

const options = {
  total: 40,
  objectives: ['accuracy', 'latencyMs', 'energyMj', 'peakRamBytes'],
  devices: DEVICES,
  json: false,
  env: { TERM: 'xterm', LANG: 'en_GB.UTF-8' },
}

function pipe() {
  const written: string[] = []
  return { written, write: (text: string) => written.push(text) }
}

test('on a terminal the view is redrawn in place and log lines stand above it', (t) => {
  const terminal = new FakeTerminal(110)
  let now = 0
  const progress = createProgress({ ...options, stream: terminal, now: () => now })
  for (let told = 0; told <= 40; told++) {
    progress.update(snapshot(told))
    if (told === 3) progress.log('trial 3 failed: diverged')
    now += 1500
  }
  progress.done()
  const screen = terminal.screen()
  t.is(screen.length, 6)
  t.is(screen[0], 'trial 3 failed: diverged')
  t.regex(screen[1]!, /40\/40 trials$/)
  t.regex(screen[2]!, /^2 training, 1 failed, 23 over the limits · 1 min 2 s elapsed, 40 trials\/min$/)
  t.regex(screen[3]!, /^device +hypervolume +front +best accuracy +best latency +best energy +best RAM$/)
  t.regex(screen[4]!, /^stm32f446-tflm-cmsisnn +0\.8123 +4 +97\.34 % +3\.25 ms +400 µJ +50 KB$/)
  t.regex(screen[5]!, /^titan-rtx +- +- +- +- +- +-$/)
  t.false(terminal.written.join('').includes('\x1b[?25l'), 'the cursor stays visible')
})

test('the view is drawn at most ten times a second, and the last state is never lost', async (t) => {
  const terminal = new FakeTerminal(100)
  let now = 0
  const progress = createProgress({ ...options, stream: terminal, now: () => now })
  for (let told = 0; told < 30; told++) {
    progress.update(snapshot(told))
    now += 10
  }
  t.true(terminal.written.length <= 4, `${terminal.written.length} draws in 0.3 s`)
  // What was held back is drawn a little later without another update.
  await sleep(200)
  t.true(terminal.screen().some((line) => line.endsWith('29/40 trials')))
  progress.update(snapshot(30))
  progress.done()
  t.true(terminal.screen().some((line) => line.endsWith('30/40 trials')))
  const draws = terminal.written.length
  await sleep(150)
  t.is(terminal.written.length, draws, 'nothing is drawn after the end')
})

test('narrow terminals get shorter lines, and one that becomes narrower is cleaned up', (t) => {
  for (const columns of [10, 20, 40, 60]) {
    const terminal = new FakeTerminal(columns)
    let now = 0
    const progress = createProgress({ ...options, stream: terminal, now: () => now })
    for (let told = 0; told < 5; told++) {
      progress.update(snapshot(told))
      now += 1000
    }
    progress.done()
    t.is(terminal.screen().length, 5)
    t.true(terminal.screen().every((line) => line.length < columns))
  }
  const terminal = new FakeTerminal(100)
  let now = 0
  const progress = createProgress({ ...options, stream: terminal, now: () => now })
  progress.update(snapshot(1))
  const widths = terminal.screen().map((line) => line.length)
  terminal.columns = 50
  now += 1000
  progress.update(snapshot(2))
  const wrapped = widths.reduce((rows, width) => rows + Math.ceil(width / 50), 0)
  t.true(terminal.written.at(-1)!.startsWith(`\x1b[${wrapped}A`), 'rows are counted as they wrap now')
  progress.done()
})

test('without a terminal there are plain lines: the first, the last, and one every two seconds at most', (t) => {
  const stream = pipe()
  let now = 0
  const progress = createProgress({ ...options, stream, now: () => now })
  progress.update(snapshot(0))
  for (let told = 1; told <= 40; told++) {
    now += 500
    progress.update(snapshot(told))
  }
  progress.log('µ \x1b[31mred')
  progress.done()
  const lines = stream.written.join('').split('\n')
  t.is(lines.pop(), '')
  const told = lines.map((line) => Number(/^(\d+)\/40 trials/.exec(line)?.[1]))
  t.deepEqual(told.slice(0, 4), [1, 5, 9, 13])
  t.is(told.at(-1), 40)
  t.true(lines.includes('u ?[31mred'))
  t.regex(lines.join('\n'), /^[\n -~]*$/)
  t.regex(
    lines[1]!,
    /^5\/40 trials \| 2 training, 1 failed, 23 over the limits \| .* trials\/min, 1[78] s left \| stm32f446-tflm-cmsisnn: accuracy 97\.34 %, latency 3\.25 ms, energy 400 uJ, RAM 50 KB, hypervolume 0\.8123 \| titan-rtx: none yet$/,
  )
})

test('a last line that was printed already is not printed again, and JSON keeps the view silent', (t) => {
  const stream = pipe()
  const progress = createProgress({ ...options, stream, now: () => 0 })
  progress.update(snapshot(40))
  progress.done()
  t.is(stream.written.length, 1)
  const silent = pipe()
  const none = createProgress({ ...options, stream: silent, json: true })
  none.update(snapshot(3))
  none.log('text')
  none.done()
  t.deepEqual(silent.written, [])
})

test('the pace counts trials of this run only and follows the last ones', (t) => {
  const pace = new Pace(0)
  pace.told(30, 10)
  t.deepEqual(pace.at(500, 100), { elapsedMs: 500, trialsPerMinute: undefined, remainingMs: undefined })
  pace.told(31, 6000)
  t.is(pace.at(6000, 100).trialsPerMinute, 10)
  t.is(pace.at(6000, 100).remainingMs, 69 * 6000)
  t.is(pace.at(8000, 100).remainingMs, 69 * 6000 - 2000, 'time that passes is not waited for again')
  for (let told = 32; told <= 100; told++) pace.told(told, 6000 + (told - 31) * 1000)
  t.is(pace.at(75_000, 101).trialsPerMinute, 60)
  t.is(pace.at(75_000, 100).remainingMs, undefined)
})

test('a quick search shows its pace without an exponent', (t) => {
  const stream = pipe()
  let now = 0
  const progress = createProgress({ ...options, stream, now: () => now })
  for (let told = 0; told <= 40; told++) {
    progress.update(snapshot(told))
    now += 400
  }
  progress.done()
  t.regex(stream.written.at(-1)!, /, 150 trials\/min \|/)
})

test('durations read well', (t) => {
  t.deepEqual([0, 59_400, 60_000, 725_000, 12_000_000].map(formatDuration), [
    '0 s',
    '59 s',
    '1 min 0 s',
    '12 min 5 s',
    '3 h 20 min',
  ])
})
