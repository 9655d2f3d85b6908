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
export async function devicesBench({ emit, run }: BenchArguments): Promise<void> {
  if (emit === undefined)
    throw new UserError('name the folder to write to: for example frugal devices bench --emit bench')
  try {
    mkdirSync(emit, { recursive: true })
  } catch (error) {
    throw new UserError(`folder '${emit}' cannot be made: ${messageOf(error)}`)
  }
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
