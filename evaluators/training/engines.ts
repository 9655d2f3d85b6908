import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { TrainingEngine } from './engine.ts'

/** Engines by id; each is loaded when it is asked for, since their native libraries are heavy. */
const ENGINES: Readonly<Record<string, () => Promise<TrainingEngine>>> = {
  onnxruntime: async () => (await import('./onnx/engine.ts')).onnxEngine,
}

export const ENGINE_IDS: readonly string[] = Object.keys(ENGINES)

/** @throws UserError for an unknown id, naming the nearest one. */
export async function loadEngine(id: string): Promise<TrainingEngine> {
  const load = ENGINES[id]
  if (load === undefined) throw new UserError(unknownName('engine', id, ENGINE_IDS))
  return load()
}
