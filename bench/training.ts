/**
 * How fast the training engines are, beside PyTorch on the same networks: `node bench/training.ts [net …] [--engine NAME …]`.
 * Engines are `onnxruntime` (the default), `tensorflow`, `onnxruntime:cuda` and `onnxruntime:webgpu`; one that is not on this
 * machine is left out, with what is missing. On a GPU look at the samples per second, not per CPU-second. PyTorch runs where `python3 -c "import torch"` works; PYTHON names another interpreter. Every measurement has a
 * process of its own; the two take turns, so that a busy machine slows both, and the median of the rounds is shown.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loadEngine } from '../evaluators/training/engines.ts'
import { initialWeights } from '../evaluators/training/initial-weights.ts'
import { DEFAULT_RECIPE } from '../evaluators/training/recipe.ts'
import { messageOf } from '../lib/errors.ts'
import { randomStream } from '../lib/random.ts'
import { countMacs, countParams } from '../network/measure.ts'
import { sizeOf } from '../network/shapes.ts'
import { BENCH_NETS, type BenchNet } from './training-nets.ts'
import { benchArguments } from './usage.ts'

const ROUNDS = 3
const SECONDS = 3
const MOST_SECONDS = 60
const WARM_UP_STEPS = 3
/** A step computes the forward product and two gradients of the same size. */
const MACS_PER_FORWARD_MAC = 3

interface Result {
  readonly samplesPerCpuSecond: number
  /** Of the engines only: by the clock, which other work on the machine slows. */
  readonly samplesPerSecond?: number
  readonly peakBytes: number
  readonly compileSeconds?: number
  readonly version?: string
}

const python = process.env['PYTHON'] ?? 'python3'
const script = fileURLToPath(import.meta.url)
const pytorchScript = fileURLToPath(new URL('./training_pytorch.py', import.meta.url))

async function measure(net: BenchNet, batch: number, engine: string): Promise<Result> {
  const graph = net.build()
  const program = await (await loadEngine(engine)).compile(graph, { ...DEFAULT_RECIPE, batchSize: batch })
  await program.writeWeights(initialWeights(graph, randomStream(1, 'weights')))
  const stream = randomStream(1, 'data')
  const classes = graph.nodes.find(({ id }) => id === graph.output)!.shape[0]!
  const inputs = Float32Array.from({ length: batch * sizeOf(graph.nodes[0]!.shape) }, () => stream.normal())
  const labels = Int32Array.from({ length: batch }, () => stream.int(classes))
  for (let i = 0; i < WARM_UP_STEPS; i++) await program.step(inputs, labels, 0.01)
  const [started, wall] = [process.cpuUsage(), performance.now()]
  const spent = (): number => {
    const { user, system } = process.cpuUsage(started)
    return (user + system) / 1e6
  }
  const wallSeconds = (): number => (performance.now() - wall) / 1000
  let steps = 0
  // A GPU may leave the processor next to nothing to do.
  for (; spent() < SECONDS && wallSeconds() < MOST_SECONDS; steps++) await program.step(inputs, labels, 0.01)
  const [samplesPerCpuSecond, samplesPerSecond] = [(steps * batch) / spent(), (steps * batch) / wallSeconds()]
  await program.dispose()
  const peakBytes = process.resourceUsage().maxRSS * 1024
  return { samplesPerCpuSecond, samplesPerSecond, peakBytes, compileSeconds: program.compileSeconds }
}

function runChild(command: string, args: readonly string[], input = ''): Result {
  const child = spawnSync(command, args, { input, encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1' } })
  if (child.status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${child.stderr}`)
  return JSON.parse(child.stdout) as Result
}

const measureEngine = (net: BenchNet, batch: number, engine: string): Result =>
  runChild(process.execPath, [script, net.id, '--engine', engine, '--measure', String(batch)])

const measurePytorch = (net: BenchNet, batch: number): Result =>
  runChild(
    python,
    [pytorchScript],
    JSON.stringify({ graph: net.build(), batch, seconds: SECONDS, recipe: DEFAULT_RECIPE }),
  )

const median = (results: readonly Result[]): Result =>
  results.toSorted((a, b) => a.samplesPerCpuSecond - b.samplesPerCpuSecond)[results.length >> 1]!

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`

function report(net: BenchNet, batch: number, engines: readonly string[], withPytorch: boolean): void {
  const measured = engines.map((): Result[] => [])
  const pytorch: Result[] = []
  for (let round = 0; round < ROUNDS; round++) {
    engines.forEach((engine, i) => {
      measured[i]!.push(measureEngine(net, batch, engine))
    })
    if (withPytorch) pytorch.push(measurePytorch(net, batch))
  }
  const graph = net.build()
  console.log(
    `${net.title}, batch ${batch}: ${(countMacs(graph) / 1e6).toFixed(2)} M MACs, ${countParams(graph)} parameters`,
  )
  const other = withPytorch ? median(pytorch) : undefined
  engines.forEach((engine, i) => {
    const { samplesPerCpuSecond, samplesPerSecond, peakBytes, compileSeconds } = median(measured[i]!)
    const gigamacs = (samplesPerCpuSecond * MACS_PER_FORWARD_MAC * countMacs(graph)) / 1e9
    const ratio = other === undefined ? '' : `; ratio ${(samplesPerCpuSecond / other.samplesPerCpuSecond).toFixed(2)}`
    console.log(
      `  ${engine}: ${samplesPerCpuSecond.toFixed(0)} samples per CPU-second, ${gigamacs.toFixed(1)} GMAC/s, ` +
        `${samplesPerSecond!.toFixed(0)} samples per second, compiled in ${compileSeconds!.toFixed(2)} s, ` +
        `peak ${megabytes(peakBytes)}${ratio}`,
    )
  })
  if (other === undefined) return
  console.log(
    `  PyTorch ${other.version}: ${other.samplesPerCpuSecond.toFixed(0)} samples per CPU-second, ` +
      `peak ${megabytes(other.peakBytes)}`,
  )
}

/** Whether an engine can train here; says why not. It is tried in a process of its own, which its library may end. */
function isHere(engine: string): boolean {
  try {
    measureEngine(BENCH_NETS.at(-1)!, 1, engine)
    return true
  } catch (error) {
    const reason =
      messageOf(error)
        .split('\n')
        .find((line) => /^\w*Error: /.test(line)) ?? messageOf(error)
    console.log(`${engine} is left out: ${reason.replace(/^\w*Error: /, '')}`)
    return false
  }
}

const {
  values: flags,
  positionals: wanted,
  refuse,
} = benchArguments(
  'bench/training.ts [NET...] [--engine onnxruntime|tensorflow|onnxruntime:cuda|onnxruntime:webgpu]...',
  { engine: { type: 'string', multiple: true, default: ['onnxruntime'] }, measure: { type: 'string' } },
  [0, Number.POSITIVE_INFINITY],
)
const unknown = wanted.find((name) => !BENCH_NETS.some(({ id }) => id === name))
if (unknown !== undefined) {
  refuse(`there is no network '${unknown}': ${BENCH_NETS.map(({ id }) => id).join(', ')}`)
}
const nets = BENCH_NETS.filter(({ id }) => wanted.length === 0 || wanted.includes(id))
if (flags.measure !== undefined) {
  console.log(JSON.stringify(await measure(nets[0]!, Number(flags.measure), flags.engine[0]!)))
} else {
  const engines = flags.engine.filter((engine) => engine === 'onnxruntime' || isHere(engine))
  if (engines.length === 0) throw new Error('none of these engines can train here')
  const withPytorch = spawnSync(python, ['-c', 'import torch']).status === 0
  if (!withPytorch) console.log(`PyTorch is left out: '${python} -c "import torch"' fails; PYTHON names another one.`)
  for (const net of nets) {
    for (const batch of net.batches) report(net, batch, engines, withPytorch)
  }
}
