/**
 * What int8 costs or saves in ONNX Runtime on this processor: processor time of `model_int8.onnx` and of `model.onnx`, one
 * thread, for one sample and for 64, in turns; the least of 30 rounds, which others on the machine disturb least, and the ratio.
 * Run: node bench/onnx-int8.ts EXPORT-FOLDER… (each made with frugal export --format onnx,onnx-int8)
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { randomStream } from '../lib/random.ts'
import { benchArguments } from './usage.ts'

const FILES = ['model_int8.onnx', 'model.onnx'] as const
const BATCHES = [1, 64]
const ROUNDS = 30
/** At the beginning, which count for nothing. */
const WARM_UP_ROUNDS = 3
const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const

/** Raw samples for the file: what a pixel may be. */
function samples(session: InferenceSession, count: number): Tensor {
  const [given] = session.inputMetadata
  if (given?.isTensor !== true) throw new Error('the file takes no tensor')
  const dims = given.shape.slice(1).map(Number)
  const random = randomStream(1, 'bench-onnx-int8')
  const size = count * dims.reduce((product, length) => product * length, 1)
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, () => random.int(256)),
    [count, ...dims],
  )
}

/** Processor time of one run, in milliseconds. */
async function timed(session: InferenceSession, input: Tensor): Promise<number> {
  const runs = input.dims[0] === 1 ? 60 : 4
  const start = process.cpuUsage()
  for (let i = 0; i < runs; i++) await session.run({ input })
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000 / runs
}

const MANY = Number.POSITIVE_INFINITY
for (const folder of benchArguments('bench/onnx-int8.ts EXPORT-FOLDER...', {}, [1, MANY]).positionals) {
  const models = FILES.map((file) => readFileSync(path.join(folder, file)))
  const sessions = await Promise.all(models.map((model) => InferenceSession.create(model, OPTIONS)))
  for (const batch of BATCHES) {
    const input = samples(sessions[0]!, batch)
    const times = sessions.map((): number[] => [])
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      for (const [i, session] of sessions.entries()) {
        const time = await timed(session, input)
        if (round >= 0) times[i]!.push(time)
      }
    }
    const [int8, float] = times.map((list) => Math.min(...list)) as [number, number]
    console.log(
      `${folder}: ${batch} ${batch === 1 ? 'sample' : 'samples'}: int8 ${int8.toFixed(3)} ms, float ${float.toFixed(3)} ms, ` +
        `${(int8 / float).toFixed(2)} times as long; ${models[0]!.length} and ${models[1]!.length} B`,
    )
  }
  for (const session of sessions) await session.release()
}
