/**
 * How fast the training engine is, beside PyTorch on the same networks: `node bench/training.ts [net …]`.
 * PyTorch runs where `python3 -c "import torch"` works; PYTHON names another interpreter. Every measurement has a
 * process of its own; the two take turns, so that a busy machine slows both, and the median of the rounds is shown.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { initialWeights } from '../evaluators/training/initial-weights.ts'
import { onnxEngine } from '../evaluators/training/onnx/engine.ts'
import { DEFAULT_RECIPE } from '../evaluators/training/recipe.ts'
import { randomStream } from '../lib/random.ts'
import { countMacs, countParams } from '../network/measure.ts'
import { sizeOf } from '../network/shapes.ts'
import { BENCH_NETS, type BenchNet } from './training-nets.ts'

const ROUNDS = 3
const SECONDS = 3
const WARM_UP_STEPS = 3
/** A step computes the forward product and two gradients of the same size. */
const MACS_PER_FORWARD_MAC = 3

interface Result {
  readonly samplesPerCpuSecond: number
  readonly peakBytes: number
  readonly compileSeconds?: number
  readonly version?: string
}

const python = process.env['PYTHON'] ?? 'python3'
const script = fileURLToPath(import.meta.url)
const pytorchScript = fileURLToPath(new URL('./training_pytorch.py', import.meta.url))

async function measure(net: BenchNet, batch: number): Promise<Result> {
  const graph = net.build()
  const program = await onnxEngine.compile(graph, { ...DEFAULT_RECIPE, batchSize: batch })
  await program.writeWeights(initialWeights(graph, randomStream(1, 'weights')))
  const stream = randomStream(1, 'data')
  const classes = graph.nodes.find(({ id }) => id === graph.output)!.shape[0]!
  const inputs = Float32Array.from({ length: batch * sizeOf(graph.nodes[0]!.shape) }, () => stream.normal())
  const labels = Int32Array.from({ length: batch }, () => stream.int(classes))
  for (let i = 0; i < WARM_UP_STEPS; i++) await program.step(inputs, labels, 0.01)
  const started = process.cpuUsage()
  const spent = (): number => {
    const { user, system } = process.cpuUsage(started)
    return (user + system) / 1e6
  }
  let steps = 0
  for (; spent() < SECONDS; steps++) await program.step(inputs, labels, 0.01)
  const samplesPerCpuSecond = (steps * batch) / spent()
  await program.dispose()
  const peakBytes = process.resourceUsage().maxRSS * 1024
  return { samplesPerCpuSecond, peakBytes, compileSeconds: program.compileSeconds }
}

function runChild(command: string, args: readonly string[], input = ''): Result {
  const child = spawnSync(command, args, { input, encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1' } })
  if (child.status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${child.stderr}`)
  return JSON.parse(child.stdout) as Result
}

const measureEngine = (net: BenchNet, batch: number): Result =>
  runChild(process.execPath, [script, '--measure', net.id, String(batch)])

const measurePytorch = (net: BenchNet, batch: number): Result =>
  runChild(
    python,
    [pytorchScript],
    JSON.stringify({ graph: net.build(), batch, seconds: SECONDS, recipe: DEFAULT_RECIPE }),
  )

const median = (results: readonly Result[]): Result =>
  results.toSorted((a, b) => a.samplesPerCpuSecond - b.samplesPerCpuSecond)[results.length >> 1]!

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`

function report(net: BenchNet, batch: number, withPytorch: boolean): void {
  const engine: Result[] = []
  const pytorch: Result[] = []
  for (let round = 0; round < ROUNDS; round++) {
    engine.push(measureEngine(net, batch))
    if (withPytorch) pytorch.push(measurePytorch(net, batch))
  }
  const graph = net.build()
  const { samplesPerCpuSecond, peakBytes, compileSeconds } = median(engine)
  const gigamacs = (samplesPerCpuSecond * MACS_PER_FORWARD_MAC * countMacs(graph)) / 1e9
  console.log(
    `${net.title}, batch ${batch}: ${(countMacs(graph) / 1e6).toFixed(2)} M MACs, ${countParams(graph)} parameters`,
  )
  console.log(
    `  ${onnxEngine.id}: ${samplesPerCpuSecond.toFixed(0)} samples per CPU-second, ${gigamacs.toFixed(1)} GMAC/s, ` +
      `compiled in ${compileSeconds!.toFixed(2)} s, peak ${megabytes(peakBytes)}`,
  )
  if (!withPytorch) return
  const other = median(pytorch)
  const ratio = samplesPerCpuSecond / other.samplesPerCpuSecond
  console.log(
    `  PyTorch ${other.version}: ${other.samplesPerCpuSecond.toFixed(0)} samples per CPU-second, ` +
      `peak ${megabytes(other.peakBytes)}; ratio ${ratio.toFixed(2)}`,
  )
}

const [mode, ...rest] = process.argv.slice(2)
if (mode === '--measure') {
  const net = BENCH_NETS.find(({ id }) => id === rest[0])!
  console.log(JSON.stringify(await measure(net, Number(rest[1]))))
} else {
  const withPytorch = spawnSync(python, ['-c', 'import torch']).status === 0
  if (!withPytorch) console.log(`PyTorch is left out: '${python} -c "import torch"' fails; PYTHON names another one.`)
  const wanted = process.argv.slice(2)
  for (const net of BENCH_NETS) {
    if (wanted.length > 0 && !wanted.includes(net.id)) continue
    for (const batch of net.batches) report(net, batch, withPytorch)
  }
}
