import { clampInt8, SHARE_BITS, scaleBy } from '../fixed-point.ts'
import type { Quantisation, QuantisedExperts, QuantisedGraph } from '../types.ts'
import type { Step } from './sums-of-products.ts'

/** The `topK` largest gates in order of size; of equal ones the lower index first. */
function largestGates(gates: Int8Array, topK: number): readonly number[] {
  const chosen: number[] = []
  while (chosen.length < topK) {
    let best = -1
    for (let i = 0; i < gates.length; i++) {
      if (!chosen.includes(i) && (best < 0 || gates[i]! > gates[best]!)) best = i
    }
    chosen.push(best)
  }
  return chosen
}

/** Gates of the chosen experts, renormalised where there are several. Gates are a softmax: the largest is above 0. */
function sharesOf(gates: readonly number[]): readonly number[] {
  if (gates.length === 1) return gates
  const total = gates.reduce((sum, gate) => sum + gate, 0)
  return gates.map((gate) => Math.floor((gate * 2 ** SHARE_BITS + (total >> 1)) / total))
}

/** Runs the experts with the largest gates and adds what they give, weighted by their share of the chosen gates. */
export function prepareExperts(
  kernel: QuantisedExperts,
  gateQuantisation: Quantisation,
  to: Quantisation,
  gates: Int8Array,
  output: Int8Array,
  prepareGraph: (graph: QuantisedGraph) => { readonly run: Step; readonly output: Int8Array },
): Step {
  const experts = kernel.experts.map(({ graph, share }) => {
    const { zeroPoint } = graph.tensors[graph.output]!.quantisation
    return { ...prepareGraph(graph), share, zeroPoint }
  })
  return () => {
    const chosen = largestGates(gates, kernel.topK)
    const weights = sharesOf(chosen.map((expert) => gates[expert]! - gateQuantisation.zeroPoint))
    output.fill(to.zeroPoint)
    for (const [rank, index] of chosen.entries()) {
      const { run, output: values, share, zeroPoint } = experts[index]!
      run()
      for (let i = 0; i < output.length; i++) {
        const part = scaleBy(weights[rank]! * (values[i]! - zeroPoint), share.multiplier, share.shift)
        output[i] = clampInt8(output[i]! + clampInt8(part + to.zeroPoint) - to.zeroPoint)
      }
    }
  }
}
