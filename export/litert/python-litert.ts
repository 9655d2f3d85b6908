import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { OperationalError } from '../../lib/errors.ts'
import { findTool, runTool } from '../c/toolchain.ts'

/** Runs every sample; files, because outputs may be large. */
const SCRIPT = `
import sys, numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter("model.tflite", num_threads=1)
interpreter.allocate_tensors()
entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
samples = numpy.fromfile("inputs.bin", entry["dtype"]).reshape([-1] + list(entry["shape"]))
with open("outputs.bin", "wb") as file:
    for sample in samples:
        interpreter.set_tensor(entry["index"], sample)
        interpreter.invoke()
        file.write(interpreter.get_tensor(result["index"]).tobytes())
`

const PROBE = 'import ai_edge_litert.interpreter, importlib.metadata as m; print(m.version("ai-edge-litert"))'

/** How to get it, for messages. */
export const PYTHON_LITERT_MISSING = 'python3 has no ai-edge-litert (pip install ai-edge-litert)'

export interface PythonLiteRt {
  readonly python: string
  readonly version: string
}

/** LiteRT's Python package, where `python3` has it. Looked for once: asking takes seconds. */
export function findPythonLiteRt(): Promise<PythonLiteRt | undefined> {
  found ??= look()
  return found
}
let found: Promise<PythonLiteRt | undefined> | undefined

async function look(): Promise<PythonLiteRt | undefined> {
  const python = findTool('python3', 'python')
  if (python === undefined) return undefined
  const { ok, stdout } = await runTool(python, ['-c', PROBE], os.tmpdir())
  return ok ? { python, version: stdout.trim() } : undefined
}

/**
 * Runs a TFLite file with int8 in and out in LiteRT for this processor.
 * @returns the outputs of all samples, one after the other.
 * @throws OperationalError when it does not run.
 */
export const runInPythonLiteRt = async (
  installation: PythonLiteRt,
  file: Uint8Array,
  inputs: Int8Array,
): Promise<Int8Array> => new Int8Array(await runScript(installation, file, inputs))

/** The same for a file with float32 in and out. */
export const runRealInPythonLiteRt = async (
  installation: PythonLiteRt,
  file: Uint8Array,
  inputs: Float32Array,
): Promise<Float32Array> => new Float32Array(new Uint8Array(await runScript(installation, file, inputs)).buffer)

async function runScript(
  { python }: PythonLiteRt,
  file: Uint8Array,
  inputs: Int8Array | Float32Array,
): Promise<Buffer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-litert-'))
  try {
    writeFileSync(path.join(folder, 'model.tflite'), file)
    writeFileSync(path.join(folder, 'inputs.bin'), inputs)
    const { ok, problem } = await runTool(python, ['-c', SCRIPT], folder)
    if (!ok) throw new OperationalError(`LiteRT in Python does not run the file: ${problem}`)
    return readFileSync(path.join(folder, 'outputs.bin'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
