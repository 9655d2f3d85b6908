import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import type { ImportedModel } from '../../formats/import/imported-model.ts'
import type { InputShapes } from '../../formats/import/input-shapes.ts'
import { readModel } from '../../formats/read-model.ts'
import { UserError } from '../../lib/errors.ts'

/**
 * The network of an ONNX file as ONNX Runtime executes it on this computer: what it merges into integer kernels, what it leaves in
 * float, and the conversions between them. Nothing is run but its optimiser. Undefined where it cannot load the file, or what it
 * makes of it cannot be read.
 */
export async function asExecuted(file: string, shapes: InputShapes): Promise<ImportedModel | undefined> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-host-'))
  const optimizedModelFilePath = path.join(folder, 'executed.onnx')
  try {
    const session = await InferenceSession.create(file, {
      ...{ logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 },
      // One level more lays maps out in blocks, which says nothing about what is run.
      ...{ graphOptimizationLevel: 'extended', optimizedModelFilePath },
    })
    await session.release()
    return readModel(optimizedModelFilePath, { shapes, executed: true })
  } catch (error) {
    if (error instanceof UserError || error instanceof Error) return undefined
    throw error
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
