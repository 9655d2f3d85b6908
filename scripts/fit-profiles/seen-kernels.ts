import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import { emptyFacts, FEATURES, type KernelFacts, readFacts } from '../../hardware-profiles/features.ts'
import { COVERED } from '../../hardware-profiles/fit-table.ts'
import type { FeatureRanges, Profile, TableModel } from '../../hardware-profiles/profile.ts'
import { CompiledModel, rowKey } from '../../hardware-profiles/table.ts'

/** Error of models that no measured network had a kernel for. */
const UNSEEN_ERROR = 0.3

/** Different kernels of networks, by kind. */
function kernelsOf(profile: Profile, networks: readonly string[]): ReadonlyMap<string, readonly KernelFacts[]> {
  const cost = createCostModel(profile)
  const found = new Map<string, Map<string, KernelFacts>>()
  for (const network of networks) {
    for (const kernel of cost.schedule(caseNetwork(network)).kernels) {
      const facts = emptyFacts()
      readFacts(kernel, facts)
      const ofKind = found.get(facts.kind) ?? new Map<string, KernelFacts>()
      found.set(facts.kind, ofKind.set(rowKey(facts), facts))
    }
  }
  return new Map([...found].map(([kind, ofKind]) => [kind, [...ofKind.values()]]))
}

/** The ranges of the kernels, and of those that were covered before. */
const rangesOf = (kernels: readonly KernelFacts[], before: FeatureRanges): TableModel['coverage'] =>
  Object.fromEntries(
    COVERED.map((name) => {
      const values = [...kernels.map((facts) => FEATURES[name](facts)), ...(before[name] ?? [])]
      return [name, [Math.min(...values), Math.max(...values)]]
    }),
  )

/**
 * A profile that was fitted to whole networks, with what they had as coverage of its models. Models that none of their
 * kernels was priced by are marked derived, cover nothing, and have an error of 30 % at least.
 * @param error90 of the models that they had, where it is not what the profile says; a host core's keep a larger one
 */
export function coverSeen(profile: Profile, networks: readonly string[], error90?: number): Profile {
  const kernels = kernelsOf(profile, networks)
  const tables = profile.tables.map(({ kernel, models, ...rest }) => {
    const compiled = models.map((model) => new CompiledModel(model))
    const covered = models.map((model, at): TableModel => {
      const own = (kernels.get(kernel) ?? []).filter((facts) => compiled.findIndex((one) => one.applies(facts)) === at)
      const known = error90 ?? model.error90
      if (model.fallback === true) return { ...model, error90: Math.max(model.error90, known) }
      if (own.length > 0) return { ...model, coverage: rangesOf(own, model.coverage), error90: known }
      return {
        ...model,
        coverage: {},
        error90: Math.max(model.error90, known, UNSEEN_ERROR),
        provenance: { kind: 'derived', source: `in none of the networks. ${model.provenance.source}` },
      }
    })
    return { kernel, models: covered, ...rest }
  })
  return { ...profile, tables }
}
