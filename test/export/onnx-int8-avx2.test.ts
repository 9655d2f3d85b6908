/**
 * Processors with AVX2 and no VNNI, such as AMD's before Zen 4: ONNX Runtime's kernels for uint8 values with int8 weights add
 * two products in 16 bits there and cut off what is beyond. The files are run on such a processor, emulated.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { OnnxEmitter } from '../../evaluators/training/onnx/emitter.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { writeQdqModel } from '../../export/onnx-int8/write-model.ts'
import { quantiseValue } from '../../export/quantise/fixed-point.ts'
import { everyKind, quantisedCase } from './networks.ts'

const EMULATOR = 'qemu-x86_64'
const missing =
  process.arch !== 'x64' || process.platform !== 'linux'
    ? 'only on Linux on x64'
    : findTool(EMULATOR) === undefined
      ? `no ${EMULATOR} here (Debian: apt install qemu-user)`
      : undefined
const emulated = missing === undefined ? test : test.skip
const why = missing === undefined ? '' : ` (${missing})`

interface Case {
  readonly name: string
  readonly model: Uint8Array
  readonly input: Float32Array
}

/** Runs files on an emulated processor with AVX2 and without VNNI. */
async function onAvx2(cases: readonly Case[]): Promise<readonly Float32Array[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'frugal-avx2-'))
  try {
    const jobs = cases.map(({ name, model, input }) => {
      const files = ['onnx', 'in', 'out'].map((ending) => path.join(folder, `${name}.${ending}`)) as [
        string,
        string,
        string,
      ]
      writeFileSync(files[0], model)
      writeFileSync(files[1], new Uint8Array(input.buffer, input.byteOffset, input.byteLength))
      return files
    })
    const script = path.join(import.meta.dirname, 'run-onnx.ts')
    const node = ['-cpu', 'Haswell', process.execPath, '--disable-warning=ExperimentalWarning', script]
    await promisify(execFile)(EMULATOR, [...node, ...jobs.map((files) => files.join(':'))], { timeout: 240_000 })
    return jobs.map(([, , out]) => {
      const bytes = readFileSync(out)
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** 64 products of 255 and 127, of a uint8 value and an int8 weight, which 16 bits do not hold in pairs. */
function largestProducts(): Uint8Array {
  const emitter = new OnnxEmitter()
  const x = emitter.node('Cast', [emitter.input('input', 'float32', ['batch', 64])], { attributes: { to: 2n } })
  const weights = emitter.initializer('weights', { type: 'int8', dims: [64, 1], data: new Int8Array(64).fill(127) })
  const sum = emitter.node('Cast', [emitter.node('MatMulInteger', [x, weights])], { attributes: { to: 1n } })
  emitter.output('output', 'float32', ['batch', 1], sum)
  return emitter.encode('products')
}

emulated(`int8 files give the reference’s outputs where products saturate${why}`, async (t) => {
  t.timeout(300_000)
  const quantised = await quantisedCase(everyKind({ experts: true }), 1, 20)
  const { network, inputs, outputs } = quantised
  const from = network.tensors[network.input]!.quantisation
  const to = network.tensors[network.output]!.quantisation
  const real = Float32Array.from(inputs, (q) => from.scale * (q - from.zeroPoint))
  const arithmetics = ['qdq', 'integer'] as const
  const [products, ...found] = await onAvx2([
    { name: 'products', model: largestProducts(), input: new Float32Array(64).fill(255) },
    ...arithmetics.map((name) => ({ name, model: writeQdqModel(network, { arithmetic: name }), input: real })),
  ])
  t.true(products![0]! < 64 * 255 * 127, `this processor does not saturate: ${products![0]}`)
  found.forEach((values, i) => {
    const quanta = Int8Array.from(values, (value) => quantiseValue(value, to))
    t.deepEqual(quanta, outputs, arithmetics[i])
  })
})
