import type { NetworkGraph } from '../../network/types.ts'
import { withCoefficients } from '../coefficients.ts'
import { type CostModel, type Costs, createCostModel } from '../cost-model.ts'
import { type Profile, type ProfileTable, ROW_LENGTH } from '../profile.ts'
import { CompiledTable, factsOfRow } from '../table.ts'
import { caseNetwork, withWeightBits } from './case-network.ts'
import { type Fold, loadCases, type NetworkSuite, type OperatorSuite, type ProfileCases, type Suite } from './cases.ts'
import { compareLayers } from './compare-layers.ts'
import { type Comparison, type ErrorSummary, summariseCases } from './statistics.ts'

export interface SuiteReport extends ErrorSummary {
  readonly name: string
  readonly quantity: 'operatorLatency' | 'latency' | 'energy' | 'peakRam' | 'flash'
  readonly method: string
  readonly source: string
  /** False for cases that were fitted. */
  readonly leftOut: boolean
}

/**
 * Prices every validation case of a profile again, each with what was fitted without it, and compares with what was
 * measured.
 */
export const validateProfile = (profile: Profile, cases: ProfileCases = loadCases(profile.id)): SuiteReport[] =>
  cases.suites.map((suite) => ({
    name: suite.name,
    quantity: quantityOf(suite),
    method: suite.method,
    source: suite.source,
    leftOut: suite.leftOut,
    ...summariseCases(compareSuite(profile, suite)),
  }))

/** Every case of a suite, priced. */
export function compareSuite(profile: Profile, suite: Suite): readonly Comparison[] {
  if (suite.kind === 'layers') return compareLayers(profile, suite)
  return suite.kind === 'operators' ? compareOperators(profile, suite) : compareNetworks(profile, suite)
}

function quantityOf(suite: Suite): SuiteReport['quantity'] {
  if (suite.kind === 'layers') return 'latency'
  return suite.kind === 'operators' ? 'operatorLatency' : suite.quantity
}

function compareOperators(profile: Profile, { kernel, folds, rowFolds }: OperatorSuite): readonly Comparison[] {
  const table = profile.tables.find((member) => member.kernel === kernel)
  const rows = table?.rows ?? []
  if (table === undefined) return []
  return folds.flatMap((fold, number) => {
    const kept: number[] = []
    rowFolds.forEach((own, row) => {
      if (own !== number) kept.push(...rows.slice(row * ROW_LENGTH, (row + 1) * ROW_LENGTH))
    })
    const [fitted] = withCoefficients([table], fold.coefficients)
    const compiled = new CompiledTable({ ...fitted!, rows: kept })
    return rowFolds.flatMap((own, row) => {
      if (own !== number) return []
      const start = row * ROW_LENGTH
      const facts = factsOfRow(kernel, rows, start)
      const answer = compiled.lookup(facts)
      if (answer === undefined) return []
      const measured = rows[start + ROW_LENGTH - 1]!
      const half = answer.cost * answer.error90
      return [
        {
          name: `${kernel} ${rows.slice(start, start + 6).join('×')}`,
          measured,
          predicted: answer.cost,
          covered: Math.abs(measured - answer.cost) <= half,
        },
      ]
    })
  })
}

const streamOf = ({ weightStream }: Profile, { streamUsPerByte }: Fold): Pick<Profile, 'weightStream'> =>
  weightStream === undefined
    ? {}
    : { weightStream: { ...weightStream, usPerByte: streamUsPerByte ?? weightStream.usPerByte } }

/** Tables with other powers for the kinds that have one of their own. */
const withPowers = (tables: readonly ProfileTable[], powersMw: NonNullable<Fold['powersMw']> = {}): ProfileTable[] =>
  tables.map((table) => {
    const powerMw = powersMw[table.kernel]
    return powerMw === undefined ? table : { ...table, models: table.models.map((model) => ({ ...model, powerMw })) }
  })

/** The profile as it would be without the cases of a fold. */
export const foldProfile = (profile: Profile, fold: Fold | undefined): Profile =>
  fold === undefined
    ? profile
    : {
        ...profile,
        tables: withPowers(withCoefficients(profile.tables, fold.coefficients), fold.powersMw),
        inferenceOverhead: fold.inferenceOverhead ?? profile.inferenceOverhead,
        ...streamOf(profile, fold),
        energy: { ...profile.energy, activePowerMw: fold.activePowerMw ?? profile.energy.activePowerMw },
      }

const networks = new Map<string, NetworkGraph>()

function networkOf(name: string): NetworkGraph {
  const graph = networks.get(name) ?? caseNetwork(name)
  networks.set(name, graph)
  return graph
}

function compareNetworks(profile: Profile, suite: NetworkSuite): readonly Comparison[] {
  const models = new Map<number, CostModel>()
  return suite.cases.map(([name, measured, fold]) => {
    const model = models.get(fold) ?? createCostModel(foldProfile(profile, suite.folds[fold]))
    models.set(fold, model)
    const graph = withWeightBits(networkOf(name), suite.weightBits?.[name])
    return compareFigure(suite, profile, name, measured, model.price(graph))
  })
}

function compareFigure(
  { quantity, clockHz, withoutRuntime }: NetworkSuite,
  profile: Profile,
  name: string,
  measured: number,
  costs: Costs,
): Comparison {
  switch (quantity) {
    case 'latency': {
      const scale = clockHz === undefined ? 1 : profile.clockHz / clockHz
      const covered = measured >= costs.latencyLowMs * scale && measured <= costs.latencyHighMs * scale
      return { name, measured, predicted: costs.latencyMs * scale, covered }
    }
    case 'energy':
      return { name, measured, predicted: costs.energyMj }
    case 'peakRam':
      return { name, measured, predicted: costs.peakRamBytes }
    case 'flash':
      return {
        name,
        measured,
        predicted: costs.flashBytes - (withoutRuntime === true ? profile.memory.flash.runtimeBytes : 0),
      }
  }
}
