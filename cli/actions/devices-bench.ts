import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { chooseNetworks } from '../../hardware-profiles/calibration/choose-networks.ts'
import { busyText, isBusy, RoundTimes, watchProcessor } from '../../hardware-profiles/host/round-times.ts'
import { listProfiles, loadProfile } from '../../hardware-profiles/index.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { makeFolder, writeFileAtomic } from '../../lib/files.ts'
import { randomStream } from '../../lib/random.ts'
import { shellWord } from '../../lib/shell-word.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { onnxOf, timeOnnx } from './onnx-timer.ts'
import { print, printJson } from './output.ts'

interface BenchArguments {
  readonly emit: string | undefined
  readonly emitC: string | undefined
  readonly run: 'host' | undefined
  readonly space: string
  readonly networks: number
  readonly json: boolean
}

const TASK = { inputShape: [32, 32, 3], classCount: 10 }
const MAX_NETWORKS = 200
/** Networks are chosen from so many random ones. */
const POOL = 300
/** Each network is timed for about this long in each round; of the medians of its runs the least counts. */
const TIMED_MS = 150
/** What was disturbed in one round shows beside the other. */
const ROUNDS = 2

/**
 * `frugal devices bench`: writes networks of a space as ONNX files to time on a device, first those that tell most about all
 * others, and with `--run host` times them on this machine with onnxruntime on one thread, as `measurements.csv` for `frugal devices calibrate`.
 */
export async function devicesBench({ emit, emitC, run, space, networks, json }: BenchArguments): Promise<void> {
  if (emitC !== undefined) {
    if (emit !== undefined || run !== undefined)
      throw new UserError('--emit-c stands alone: leave --emit and --run out')
    return emitSources(emitC, json)
  }
  if (emit === undefined)
    throw new UserError('name the folder to write to: for example frugal devices bench --emit bench')
  if (!(Number.isInteger(networks) && networks >= 1 && networks <= MAX_NETWORKS)) {
    throw new UserError(`--networks takes a whole number from 1 to ${MAX_NETWORKS}, not ${networks}`)
  }
  const measurements = path.join(emit, 'measurements.csv')
  if (run === undefined) checkHoldsNoTimes(measurements)
  const graphs = await telling(space, networks)
  benchFolder(emit)
  const files = graphs.map((graph, i) => {
    const file = `network-${String(i + 1).padStart(2, '0')}.onnx`
    const bytes = onnxOf(graph, i)
    writeFileAtomic(path.join(emit, file), bytes)
    return { file, bytes, graph }
  })
  const [times, processorShare] = [new RoundTimes(), watchProcessor()]
  for (let round = 0; run === 'host' && round < ROUNDS; round++) {
    for (const { file, bytes, graph } of files) times.add(file, (await timeOnnx(bytes, graph, TIMED_MS)).medianMs)
  }
  const lines = [
    'model,latency_ms',
    ...files.map(({ file }) => `${file},${run === 'host' ? times.least(file).toPrecision(5) : ''}`),
  ]
  writeFileAtomic(measurements, `${lines.join('\n')}\n`)
  const disturbance = { unsettledShare: times.unsettledShare(), processorShare: processorShare() }
  const busy = run === 'host' && isBusy(disturbance)
  if (busy) {
    process.stderr.write(
      `frugal: this machine is too busy to trust these times: ${busyText(disturbance)}. Run it again while nothing else runs\n`,
    )
  }
  if (json) {
    const names = files.map(({ file }) => file)
    return printJson({
      folder: emit,
      files: names,
      measurements,
      timed: run !== undefined,
      ...(run === undefined ? {} : { busy }),
    })
  }
  print(`${graphs.length} networks in ${emit}`)
  if (run === undefined) {
    return print(
      `Time each on your device (batch 1), write the milliseconds into ${measurements}, then run frugal devices calibrate`,
    )
  }
  print(`Timed on ${os.cpus()[0]?.model ?? 'this machine'} with onnxruntime on one thread: ${measurements}`)
  print(`Next: frugal devices calibrate --measurements ${shellWord(measurements)} --out host.profile.json`)
}

/** What somebody measured is not replaced by empty lines. @throws UserError where the file has a time. */
function checkHoldsNoTimes(file: string): void {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(1) : []
  if (lines.some((line) => /,\s*\S/.test(line)))
    throw new UserError(`'${file}' holds times already: name another folder, or move it away`)
}

/** Networks of a space whose times tell most about all others, the most telling first. */
async function telling(name: string, count: number): Promise<readonly NetworkGraph[]> {
  const space = await loadSpace(name)
  const operations = geneOperations(space.genes(TASK))
  const random = randomStream(1, 'devices-bench')
  const pool = Array.from({ length: POOL }, () => space.decode(operations.sample(random), TASK))
  const profiles = listProfiles().map(({ id }) => loadProfile(id))
  return chooseNetworks(pool, count, profiles).map((at) => pool[at]!)
}

/** `--emit-c`: one C file for each of some networks, which prints the cycles of every kernel. */
async function emitSources(folder: string, json: boolean): Promise<void> {
  benchFolder(folder)
  const { benchSources } = await import('./bench-c.ts')
  const sources = await benchSources()
  for (const [name, text] of sources) writeFileAtomic(path.join(folder, name), text)
  if (json) return printJson({ folder, files: [...sources.keys()] })
  print(
    `${sources.size} programs in ${folder}: compile, run each on the board, and join what they print into one CSV file`,
  )
  print('Next: frugal devices calibrate --operators FILE.csv --clock-mhz N --out my-board.profile.json')
}

function benchFolder(folder: string): void {
  try {
    makeFolder(folder)
  } catch (error) {
    throw new UserError(`folder '${folder}' cannot be made: ${messageOf(error)}`)
  }
}
