import { UserError } from '../../lib/errors.ts'
import type { NetworkGraph } from '../../network/types.ts'
import type { Recipe } from './engine.ts'

/** Names of kernels, as `weightSpecs` gives them: those of each expert. */
export type KernelNames = ReadonlySet<string>

/**
 * The kernels that have 4 bits with a recipe.
 * @throws UserError for a layer that the network does not have.
 */
export function fourBitKernels(graph: NetworkGraph, { fourBitLayers = [] }: Recipe): KernelNames {
  const names = new Set<string>()
  const wanted = new Set(fourBitLayers)
  const missing = new Set(wanted)
  const visit = (body: NetworkGraph, layers: string, prefix: string): void => {
    for (const { id, op } of body.nodes) {
      const layer = `${layers}${id}`
      missing.delete(layer)
      if (wanted.has(layer)) names.add(`${prefix}${id}/kernel`)
      if (op.kind !== 'routedExperts') continue
      for (let expert = 0; expert < op.experts; expert++) visit(op.body, `${layer}/`, `${prefix}${id}/${expert}/`)
    }
  }
  visit(graph, '', '')
  const [first] = missing
  if (first === undefined) return names
  throw new UserError(`the recipe's fourBitLayers names '${first}', but the network has no such node`)
}
