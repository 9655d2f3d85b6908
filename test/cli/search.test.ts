import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { FRUGAL, frugal, QUICK, start, temporaryFolder } from './run-frugal.ts'

const DEVICES = ['stm32f446-tflm-cmsisnn', 'efr32xg24-mvp', 'titan-rtx']

async function fronts(t: ExecutionContext, folder: string, db: string): Promise<string> {
  const texts = []
  for (const device of DEVICES) {
    const { code, stdout, stderr } = await frugal(folder, 'front', '--json', '--device', device, '--db', db)
    t.is(code, 0, stderr)
    texts.push(stdout)
  }
  return texts.join('')
}

test('a search on the built-in data ends with a front for every device; machines can read it', async (t) => {
  const folder = temporaryFolder(t)
  const { code, stdout, stderr } = await frugal(folder, 'search', '--trials', '5', '--json', ...QUICK)
  t.is(code, 0, stderr)
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.is(events[0]!['event'], 'start')
  t.is(events.filter(({ event }) => event === 'trial').length, 5)
  const done = events.at(-1) as {
    event: string
    experiment: number
    trials: number
    failures: number
    fronts: Record<string, object[]>
  }
  t.is(done.event, 'done')
  t.deepEqual([done.experiment, done.trials, done.failures], [1, 5, 0])
  t.deepEqual(Object.keys(done.fronts), DEVICES)

  const front = JSON.parse((await frugal(folder, 'front', '--json', '--device', DEVICES[1]!)).stdout) as Record<
    string,
    unknown
  >
  t.deepEqual(Object.keys(front), ['experiment', 'device', 'objectives', 'reference', 'hypervolume', 'points'])
  t.deepEqual(front['objectives'], ['accuracy', 'latencyMs', 'energyMj', 'peakRamBytes'])
  const points = front['points'] as Record<string, number>[]
  t.deepEqual(points, done.fronts[DEVICES[1]!] as typeof points)
  t.true(points.length > 0)
  for (const name of [
    'trial',
    'archId',
    'accuracy',
    'latencyMs',
    'energyMj',
    'peakRamBytes',
    'flashBytes',
    'macs',
    'params',
  ]) {
    t.true(name in points[0]!, name)
  }
  const latencies = points.map(({ latencyMs }) => latencyMs!)
  t.deepEqual(
    latencies,
    latencies.toSorted((a, b) => a - b),
  )
  for (const { flashBytes } of points) t.true(flashBytes! <= 160 * 1024)

  const status = JSON.parse((await frugal(folder, 'status', '--json')).stdout) as Record<string, unknown>
  t.like(status, { experiment: 1, status: 'done', completed: 5, failed: 0 })
  const list = JSON.parse((await frugal(folder, 'list', '--json')).stdout) as unknown[]
  t.is(list.length, 1)
})

test('killed with SIGKILL again and again and resumed, with one worker or two, the fronts are the same bytes', async (t) => {
  const folder = temporaryFolder(t)
  const flags = ['--trials', '7', '--seed', '3', ...QUICK]
  t.is((await frugal(folder, 'search', '--workers', '1', '--db', 'whole.db', ...flags)).code, 0)
  const expected = await fronts(t, folder, 'whole.db')

  const first = start(folder, 'search', '--workers', '2', '--db', 'cut.db', '--json', ...flags)
  await first.line(/"event":"started"/)
  first.kill('SIGKILL')
  t.is((await first.finished).signal, 'SIGKILL')
  for (const after of [/"event":"started","trial":0/, /"event":"trial","trial":2/, /"event":"started","trial":5/]) {
    const next = start(folder, 'resume', '--db', 'cut.db', '--json')
    await next.line(after)
    next.kill('SIGKILL')
    await next.finished
  }
  const last = await frugal(folder, 'resume', '--db', 'cut.db', '--json')
  t.is(last.code, 0, last.stderr)
  t.like(JSON.parse(last.stdout.trim().split('\n').at(-1)!) as object, { event: 'done', trials: 7, failures: 0 })
  t.is(await fronts(t, folder, 'cut.db'), expected)

  const again = await frugal(folder, 'resume', '--db', 'cut.db', '--json')
  t.like(JSON.parse(again.stdout.trim().split('\n').at(-1)!) as object, { event: 'done', trials: 7 })
  t.regex(again.stderr, /^frugal: experiment 1 is complete; for more networks repeat its frugal search/)
})

test('Ctrl-C stops at once, says how to continue, and nothing is lost', async (t) => {
  const folder = temporaryFolder(t)
  const running = start(folder, 'search', '--trials', '40', '--epochs', '8', '--json')
  await running.line(/"event":"started"/)
  const pressed = performance.now()
  running.kill('SIGINT')
  const { code, signal, stdout, stderr } = await running.finished
  // A thread that is deep in native code when time is up ends with the process.
  t.true(code === 130 || signal === 'SIGINT', `${code} ${signal} ${stderr}`)
  // Minutes of training are left: this tells a stop from an end, on a machine however busy.
  t.true(performance.now() - pressed < 20_000)
  t.is((JSON.parse(stdout.trim().split('\n').at(-1)!) as { event: string }).event, 'interrupted')
  const status = JSON.parse((await frugal(folder, 'status', '--json')).stdout) as { status: string }
  t.is(status.status, 'interrupted')
})

test('a second Ctrl-C ends a search as a shell expects it, and it can be resumed', async (t) => {
  const folder = temporaryFolder(t)
  const running = start(folder, 'search', '--trials', '40', '--epochs', '8', '--json')
  await running.line(/"event":"started"/)
  running.kill('SIGINT')
  await running.line(/"event":"interrupting"/)
  running.kill('SIGINT')
  const { code, signal, stderr } = await running.finished
  t.true(code === 130 || signal === 'SIGINT', `${code} ${signal} ${stderr}`)
  t.is(stderr, '')
  const status = JSON.parse((await frugal(folder, 'status', '--json')).stdout) as { status: string }
  t.regex(status.status, /^(running|interrupted)$/)
})

test('a terminal that closes stops a search like Ctrl-C: what is in training does not count as crashed', async (t) => {
  const folder = temporaryFolder(t)
  const running = start(folder, 'search', '--trials', '40', '--epochs', '8', '--json')
  await running.line(/"event":"started"/)
  running.kill('SIGHUP')
  const { code, signal, stderr } = await running.finished
  t.true(code === 130 || signal === 'SIGINT', `${code} ${signal} ${stderr}`)
  const status = JSON.parse((await frugal(folder, 'status', '--json')).stdout) as { status: string }
  t.is(status.status, 'interrupted')
  const database = new Database(path.join(folder, 'frugal.db'), { readonly: true })
  t.is(database.prepare('SELECT sum(training) AS training FROM pending').pluck().get(), 0)
  database.close()
})

const onFullDisk = existsSync('/dev/full') ? test : test.skip
onFullDisk('output that cannot be written is one sentence and exit code 1', async (t) => {
  const folder = temporaryFolder(t)
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const child = spawn(process.execPath, [FRUGAL, 'spaces'], { cwd: folder, stdio: ['ignore', full, 'pipe'] })
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  t.is(code, 1)
  t.regex(stderr, /^frugal: standard output cannot be written \(ENOSPC.*\)\n$/)
})

test('a search whose reader goes away stops as after Ctrl-C', async (t) => {
  const folder = temporaryFolder(t)
  const child = spawn(process.execPath, [FRUGAL, 'search', '--trials', '40', '--epochs', '8', '--json'], {
    cwd: folder,
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdout.once('data', () => child.stdout.destroy())
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  t.true(code === 130 || signal === 'SIGINT', `${code} ${signal} ${stderr}`)
  t.is(stderr, '')
  const status = JSON.parse((await frugal(folder, 'status', '--json')).stdout) as { status: string }
  t.is(status.status, 'interrupted')
})

test('pictures, CSV and tables of a front; then the export says what its file gives', async (t) => {
  const folder = temporaryFolder(t)
  t.is((await frugal(folder, 'search', '--trials', '3', '--device', DEVICES[0]!, ...QUICK)).code, 0)
  const human = await frugal(folder, 'front')
  t.regex(human.stdout, /networks on the front, hypervolume/)
  t.regex(human.stdout, /Latency \(ms\)/)
  t.regex((await frugal(folder, 'front', '--csv')).stdout, /^device,trial,archId/m)
  t.is((await frugal(folder, 'front', '--svg', 'pictures/front.svg', '--x', 'ram')).code, 0)
  t.regex(readFileSync(path.join(folder, 'pictures/front.svg'), 'utf8'), /^<svg[\s\S]*<\/svg>\s*$/)
  for (const [file, message] of [
    ['pictures', /--svg 'pictures' is a folder/],
    ['.', /--svg '.' is a folder/],
    ['frugal.db/front.svg', /lies below a file/],
    ['', /--svg is empty/],
  ] as const) {
    const { code, stderr } = await frugal(folder, 'front', `--svg=${file}`)
    t.is(code, 2, stderr)
    t.regex(stderr, message)
  }

  const exported = await frugal(folder, 'export', '--out', 'a', '--epochs', '2')
  t.is(exported.code, 0, exported.stderr)
  const card = JSON.parse(readFileSync(path.join(folder, 'a', 'card.json'), 'utf8')) as {
    command: string
    accuracy: { test: { accuracy: number; samples: number } }
  }
  t.regex(card.command, /^frugal export 1 --device [\w-]+ --epochs 2$/)
  t.is((await frugal(folder, ...card.command.split(' ').slice(1), '--out', 'b')).code, 0)
  for (const name of ['model.onnx', 'architecture.json', 'card.json', 'README.md']) {
    t.deepEqual(readFileSync(path.join(folder, 'a', name)), readFileSync(path.join(folder, 'b', name)), name)
  }
  t.is(card.accuracy.test.samples, 1000)
  t.true(exported.stdout.includes(`${(100 * card.accuracy.test.accuracy).toFixed(2)} %`))
})

test('a search without latency among its objectives shows its own cost, and what to type where its file has a blank', async (t) => {
  const folder = temporaryFolder(t)
  const flags = ['--objectives', 'accuracy,macs', '--device', 'a100', '--db', 'my lab.db']
  const searched = await frugal(folder, 'search', '--trials', '1', ...flags, ...QUICK)
  t.is(searched.code, 0, searched.stderr)
  t.regex(searched.stdout, /^Experiment 1: 1 trial of .*1 epoch a network$/ms)
  t.regex(searched.stdout, /frugal front 1 --device a100 --db 'my lab\.db'$/m)
  t.regex((await frugal(folder, 'front', '--db', 'my lab.db')).stdout, /: 1 network on the front[\s\S]*MACs/)
  t.regex((await frugal(folder, 'importance', '--db', 'my lab.db')).stderr, /experiment 1 has 1 trained network/)
})

test('two searches cannot write one database at the same time', async (t) => {
  const folder = temporaryFolder(t)
  const running = start(folder, 'search', '--trials', '40', '--json', ...QUICK)
  await running.line(/"event":"start"/)
  const { code, stderr } = await frugal(folder, 'search', '--trials', '2', ...QUICK)
  t.is(code, 2)
  t.regex(stderr, /frugal\.db.*--db/)
  running.kill('SIGINT')
  await running.finished
})
