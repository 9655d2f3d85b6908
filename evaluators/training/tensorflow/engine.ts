import { isMainThread } from 'node:worker_threads'
import { UserError } from '../../../lib/errors.ts'
import { weightSpecs } from '../../../network/measure.ts'
import { trainableOp } from '../../../network/trainable.ts'
import type { NetworkGraph } from '../../../network/types.ts'
import type { TrainingEngine } from '../engine.ts'
import { logitsOf } from '../onnx/training-graph.ts'
import { checkBatchSize } from '../program-checks.ts'
import { nativeLibrary, type TensorflowLibrary } from './library.ts'
import { probeNative } from './probe.ts'
import { TensorflowProgram } from './program.ts'

/** Raised when the rules change what they compute. */
const RULES_VERSION = '1'

/**
 * An engine on some build of TensorFlow.js, which is only loaded when the first network is compiled: the main thread of
 * a search needs the engine's version, not its native code.
 */
export function createTensorflowEngine(library: TensorflowLibrary): TrainingEngine {
  return {
    id: 'tensorflow',
    version: `${RULES_VERSION}+${library.name}@${library.version}`,
    async compile(graph, recipe) {
      checkBatchSize(recipe.batchSize)
      const logits = logitsOf(graph)
      if (weightSpecs(logits.graph).length === 0)
        throw new UserError('the network has no weights, so there is nothing to train')
      checkKinds(logits.graph)
      const tf = await library.load()
      return new TensorflowProgram(tf, logits.graph, recipe, performance.now())
    },
  }
}

/** @throws UserError for what only model files hold, in the network or in its experts. */
function checkKinds(graph: NetworkGraph): void {
  for (const node of graph.nodes) {
    const op = trainableOp(node)
    if (op.kind === 'routedExperts') checkKinds(op.body)
  }
}

/**
 * The engine on the user's native TensorFlow.
 * @throws UserError when none is installed or, outside worker threads, when it does not load.
 */
export async function tensorflowEngine(): Promise<TrainingEngine> {
  const library = nativeLibrary()
  if (isMainThread) {
    const result = await probeNative(library.name)
    if (!result.loads) throw new UserError(result.reason)
  }
  return createTensorflowEngine(library)
}
