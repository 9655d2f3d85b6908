import { mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { messageOf, UserError } from '../../lib/errors.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { randomStream } from '../../lib/random.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { onnxOf, timeOnnx } from './onnx-timer.ts'
import { print } from './output.ts'

interface BenchArguments {
  readonly emit: string | undefined
  readonly emitC: string | undefined
  readonly run: 'host' | undefined
}

const TASK = { inputShape: [32, 32, 3], classCount: 10 }
const NETWORKS = 20
/** Each network is timed for about this long; the median of its runs counts. */
const TIMED_MS = 150

/**
 * `frugal devices bench`: writes networks of the mobilenet space as ONNX files to time on a device, and with `--run host`
 * times them on this machine with onnxruntime on one thread, as `measurements.csv` for `frugal devices calibrate`.
 */
export async function devicesBench({ emit, emitC, run }: BenchArguments): Promise<void> {
  if (emitC !== undefined) {
    if (emit !== undefined || run !== undefined)
      throw new UserError('--emit-c stands alone: leave --emit and --run out')
    return emitSources(emitC)
  }
  if (emit === undefined)
    throw new UserError('name the folder to write to: for example frugal devices bench --emit bench')
  makeFolder(emit)
  const space = await loadSpace('mobilenet')
  const operations = geneOperations(space.genes(TASK))
  const random = randomStream(1, 'devices-bench')
  const lines = ['model,latency_ms']
  for (let i = 0; i < NETWORKS; i++) {
    const graph = space.decode(operations.sample(random), TASK)
    const name = `network-${String(i + 1).padStart(2, '0')}.onnx`
    const bytes = onnxOf(graph, i)
    writeFileAtomic(path.join(emit, name), bytes)
    lines.push(`${name},${run === 'host' ? (await timeOnnx(bytes, graph, TIMED_MS)).medianMs.toPrecision(5) : ''}`)
  }
  const file = path.join(emit, 'measurements.csv')
  writeFileAtomic(file, `${lines.join('\n')}\n`)
  print(`${NETWORKS} networks in ${emit}`)
  if (run === undefined) {
    return print(
      `Time each on your device (batch 1), write the milliseconds into ${file}, then run frugal devices calibrate`,
    )
  }
  print(`Timed on ${os.cpus()[0]?.model ?? 'this machine'} with onnxruntime on one thread: ${file}`)
  print(`Next: frugal devices calibrate --measurements ${file} --out host.profile.json`)
}

/** `--emit-c`: one C file for each of some networks, which prints the cycles of every kernel. */
async function emitSources(folder: string): Promise<void> {
  makeFolder(folder)
  const { benchSources } = await import('./bench-c.ts')
  const sources = await benchSources()
  for (const [name, text] of sources) writeFileAtomic(path.join(folder, name), text)
  print(
    `${sources.size} programs in ${folder}: compile, run each on the board, and join what they print into one CSV file`,
  )
  print('Next: frugal devices calibrate --operators FILE.csv --clock-mhz N --out my-board.profile.json')
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new UserError(`folder '${folder}' cannot be made: ${messageOf(error)}`)
  }
}
