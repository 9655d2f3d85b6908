import os from 'node:os'
import { openGpu } from '../../evaluators/energy/gpu.ts'
import { openRapl, POWERCAP_FOLDER } from '../../evaluators/energy/rapl.ts'
import { loadEngine } from '../../evaluators/training/engines.ts'
import { installedVersion, NATIVE_PACKAGES } from '../../evaluators/training/tensorflow/library.ts'
import { probeNative } from '../../evaluators/training/tensorflow/probe.ts'
import { findTool } from '../../export/c/toolchain.ts'
import { ARM_COMPILER, EMULATOR, HOST_COMPILERS } from '../../export/c/verify-c.ts'
import { findPythonLiteRt, PYTHON_LITERT_MISSING } from '../../export/litert/python-litert.ts'
import { findLiteRt, LITERT_MISSING } from '../../export/litert/run-litert.ts'
import { messageOf } from '../../lib/errors.ts'
import { formatBytes } from '../../lib/units.ts'
import { packageVersion } from '../package-version.ts'
import { print, printJson } from './output.ts'

/** One part: what it is for, and what was found or what is missing and how to get it. */
interface Part {
  readonly part: string
  readonly use: string
  /** Without it nothing is trained; all others are optional. */
  readonly needed?: boolean
  readonly found: boolean
  readonly detail: string
}

type Look = () =>
  | { readonly found: boolean; readonly detail: string }
  | Promise<{ readonly found: boolean; readonly detail: string }>

const found = (detail: string) => ({ found: true, detail })
const missing = (detail: string) => ({ found: false, detail })

/** By training engine and provider; loading one runs a node on it. */
const engine =
  (name: string): Look =>
  async () => {
    await loadEngine(name)
    return found(installedVersion('onnxruntime-node') ?? 'works')
  }
const tool =
  (names: readonly string[], how: string): Look =>
  () => {
    const file = findTool(...names)
    return file === undefined ? missing(`no ${names.join(', ')} on the path: ${how}`) : found(file)
  }

async function tensorflow() {
  const name = NATIVE_PACKAGES.find((each) => installedVersion(each) !== undefined)
  if (name === undefined) return missing(`not installed: npm install ${NATIVE_PACKAGES.join(' or ')}`)
  const result = await probeNative(name)
  if (!result.loads) return missing(result.reason)
  return found(`${name} ${installedVersion(name)}, ${result.gpu ? 'finds a GPU' : 'finds no GPU'}`)
}

async function graphicsPower() {
  const counter = await openGpu(() => undefined)
  counter?.close()
  return counter === undefined ? missing('nvidia-smi does not tell the power of a GPU') : found(counter.source)
}

function processorEnergy() {
  const counter = openRapl()
  counter?.close()
  return counter === undefined
    ? missing(`no readable counters in ${POWERCAP_FOLDER}: energy of a search is estimated by processor time`)
    : found(counter.source)
}

const PARTS: readonly (Pick<Part, 'part' | 'use' | 'needed'> & { readonly look: Look })[] = [
  { part: 'onnxruntime', use: 'training', needed: true, look: engine('onnxruntime') },
  { part: 'onnxruntime, CUDA', use: 'training with --provider cuda', look: engine('onnxruntime:cuda') },
  { part: 'onnxruntime, WebGPU', use: 'training with --provider webgpu', look: engine('onnxruntime:webgpu') },
  { part: 'TensorFlow', use: 'training with --engine tensorflow', look: tensorflow },
  {
    part: 'LiteRT for JavaScript',
    use: 'verifying .tflite files',
    look: () => {
      const installation = findLiteRt()
      return installation === undefined ? missing(LITERT_MISSING) : found(installation.version)
    },
  },
  {
    part: 'LiteRT for Python',
    use: 'verifying .tflite files',
    look: async () => {
      const installation = await findPythonLiteRt()
      return installation === undefined ? missing(PYTHON_LITERT_MISSING) : found(installation.version)
    },
  },
  { part: 'C compiler', use: 'verifying C here', look: tool(HOST_COMPILERS, 'install gcc or clang') },
  {
    part: 'Arm compiler',
    use: 'verifying C for Cortex-M',
    look: tool([ARM_COMPILER], 'install the Arm GNU toolchain (gcc-arm-none-eabi)'),
  },
  { part: 'Arm emulator', use: 'verifying C for Cortex-M', look: tool([EMULATOR], 'install QEMU (qemu-system-arm)') },
  { part: 'RAPL', use: 'measured energy of a search', look: processorEnergy },
  { part: 'NVML', use: 'measured energy of a GPU', look: graphicsPower },
]

/** `frugal doctor`. Exit code 1 where nothing can be trained; whatever else is missing is optional. */
export async function doctor(args: { readonly json: boolean }): Promise<void> {
  const parts: Part[] = []
  // One after the other: two native libraries that load at a time may get in each other's way.
  for (const { look, ...part } of PARTS) {
    const state = await Promise.resolve(look()).catch((error: unknown) => missing(messageOf(error)))
    parts.push({ ...part, ...state })
  }
  if (parts.some((part) => part.needed === true && !part.found)) process.exitCode = 1
  const machine = {
    frugal: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
  }
  if (args.json) return printJson({ ...machine, parts })
  print(
    `Frugal ${machine.frugal}, Node ${machine.node}, ${machine.platform}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)} of memory`,
  )
  const state = ({ found, needed }: Part) => (found ? 'yes' : needed === true ? 'MISSING' : 'no')
  // Lines and no table: what is missing is told in full, however narrow the terminal.
  for (const each of parts) print(`${state(each).padEnd(7)} ${each.part} (${each.use}): ${each.detail}`)
}
