import { z } from 'zod'
import { UserError } from '../../lib/errors.ts'
import { type RandomStream, randomStreamFromState } from '../../lib/random.ts'
import { type Algorithm, type AlgorithmConfig, defineAlgorithm, type Genome, type Told } from '../algorithm.ts'
import { Asks, asksSchema } from './asks.ts'
import { Archive } from './frugal/archive.ts'
import { CandidatePool, isAllowed } from './frugal/candidates.ts'
import { choiceGroups, initialLatents } from './frugal/choice-groups.ts'
import { type CostSource, initialCostTuning, knownCosts, PredictedCosts } from './frugal/costs.ts'
import { createEncoding } from './frugal/encoding.ts'
import { type ErrorShift, MIRRORED, USUAL_SHIFT } from './frugal/error-scale.ts'
import { INITIAL_PARAMETERS } from './frugal/kernel.ts'
import {
  arePositions,
  completePositions,
  initialParameters,
  isParameterState,
  STEPS_PER_SEARCH,
} from './frugal/parameter-search.ts'
import { chooseByGain } from './frugal/proposal.ts'
import { DOUBTING, Surrogate, TRUSTING } from './frugal/surrogate.ts'
import { initialTuning, type TuningState } from './frugal/tuned-process.ts'
import { unseenSample, unseenVariant } from './proposals.ts'
import { checkTold, isFeasible, loadTold, parseState, randomStateSchema, storeTold, toldSchema } from './state.ts'

const genomeSchema = z.array(z.int().min(0))
const placesSchema = { positions: z.array(z.int()).transform(completePositions), latents: z.array(z.number()) }
const tuningSchema = z.strictObject({
  serving: z.strictObject(placesSchema).refine(({ positions }) => arePositions(positions)),
  found: z
    .strictObject({ ...placesSchema, turn: z.int().min(0), step: z.number().positive() })
    .refine(isParameterState),
  steps: z.int().min(0).max(STEPS_PER_SEARCH),
  built: z.int().min(0).nullable(),
  nextSearch: z.int().min(1),
})
const stateSchema = z.strictObject({
  random: randomStateSchema,
  ...asksSchema,
  observations: z.array(
    z.strictObject({ genome: genomeSchema, error: z.number(), costs: z.array(z.array(z.number()).nullable()) }),
  ),
  infeasible: z.array(toldSchema),
  firstErrors: z.array(z.number()),
  retained: z.array(genomeSchema),
  /** Null before it is chosen. States from before it was chosen at all go on with the one that there was. */
  errorShift: z
    .union([z.number().positive(), z.literal(MIRRORED)])
    .nullable()
    .default(USUAL_SHIFT),
  errorModel: tuningSchema,
  costModel: tuningSchema,
})

/** Networks that are begun before the surrogate is asked. */
const INITIAL_DESIGN = 16
/**
 * The same while so many are being measured: results come late then, and by the time that the first few of so many
 * random networks are known, the surrogate already chooses better than chance.
 */
const EARLY_DESIGN = 10
const MANY_OPEN = 5
/** The error of reference is a quantile of the first errors, most of which come from random genomes. */
const FIRST_ERRORS = 20
const REFERENCE_QUANTILE = 0.7
/** Share of the proposals that ignore the surrogate: alone it would stall on what it cannot see. */
const EVOLUTION_SHARE = 0.15
const RETAINED = 80
const TRIES = 50

interface Memory {
  readonly asks: Asks
  readonly archive: Archive
  readonly firstErrors: number[]
  readonly errorShift: ErrorShift | undefined
  readonly errorModel: TuningState
  readonly costModel: TuningState
  retained: readonly Genome[]
}

function frugal(config: AlgorithmConfig, random: RandomStream, memory: Memory): Algorithm {
  const { operations, frontCount, cheapObjectives } = config
  const { asks, archive, firstErrors } = memory
  const { seen } = asks
  const known = cheapObjectives === undefined ? undefined : knownCosts(cheapObjectives)
  const encoding = createEncoding(operations, known?.costs)
  const surrogate = new Surrogate(encoding, memory.errorModel, memory.errorShift, archive)
  const predicted =
    known === undefined ? new PredictedCosts(encoding, frontCount, memory.costModel, archive.observations) : undefined
  const source: CostSource = known ?? predicted!

  const referenceError = (): number => {
    const sorted = [...firstErrors].sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length * REFERENCE_QUANTILE)]!
  }
  /** Takes an error among the first ones, in the place of the one it corrects. */
  const rememberFirst = (earlier: number | undefined, error: number): void => {
    const at = earlier === undefined ? -1 : firstErrors.indexOf(earlier)
    if (at >= 0) firstErrors[at] = error
    else if (earlier === undefined && firstErrors.length < FIRST_ERRORS) firstErrors.push(error)
  }

  /** A random new genome; one known to be infeasible only when nothing else turns up. */
  const sample = (): Genome => {
    if (archive.infeasible.length > 0 && random.chance(0.5)) return lessInfeasible()
    let genome = unseenSample(operations, seen, random)
    if (cheapObjectives === undefined) return genome
    for (let i = 1; i < TRIES && !isAllowed(source.costs(genome)); i++) genome = unseenSample(operations, seen, random)
    return genome
  }
  const lessInfeasible = (): Genome =>
    unseenVariant(operations.mutate(random.pick(archive.infeasible).genome, random), operations, seen, random)

  const parents = (): readonly Genome[] => {
    const members = new Set<number>()
    for (let device = 0; device < frontCount; device++) for (const i of archive.front(device)) members.add(i)
    return [...members].map((i) => archive.observations[i]!.genome)
  }
  const child = (from: readonly Genome[]): Genome => {
    let genome = from[0]!
    for (let i = 0; i < TRIES; i++) {
      genome = operations.crossover(random.pick(from), random.pick(from), random)
      if (random.chance(0.5) || seen.has(genome)) genome = operations.mutate(genome, random)
      if (!seen.has(genome) && (cheapObjectives === undefined || isAllowed(source.costs(genome)))) return genome
    }
    return unseenVariant(genome, operations, seen, random)
  }
  const propose = (): Genome => {
    const from = parents()
    if (random.chance(EVOLUTION_SHARE)) return child(from)
    const pool = new CandidatePool(operations, seen, source, random)
    for (const genome of memory.retained) pool.offer(genome)
    pool.refresh(from)
    const choice = chooseByGain({
      pool,
      archive,
      surrogate,
      frontCount,
      open: asks.open,
      source,
      referenceError: referenceError(),
      sdFactor: random.chance(0.5) ? DOUBTING : TRUSTING,
    })
    memory.retained = choice.others.slice(0, RETAINED).map(({ genome }) => genome)
    return choice.best?.genome ?? child(from)
  }

  return {
    ask: () => {
      const { length } = archive.observations
      const { length: open } = asks.open
      const wanted = open < MANY_OPEN ? INITIAL_DESIGN : EARLY_DESIGN
      return asks.add(length === 0 || length + open < wanted ? sample() : propose())
    },
    tell: (told: Told) => {
      asks.close(told)
      const earlier = archive.find(told.genome)
      const kept = archive.add(told)
      if (kept !== undefined) {
        surrogate.keep(kept)
        predicted?.keep(kept, archive.observations)
      }
      if (!isFeasible(told.fronts)) return
      // Of very large fronts even the latest observation may have been forgotten.
      const { objectives } = told.fronts.find((front) => front.violation === 0 && front.objectives !== undefined)!
      rememberFirst(earlier?.error, objectives![0]!)
      predicted?.update(archive.observations)
      // What is left after others were forgotten is enough work for one turn.
      surrogate.learn(archive, referenceError(), kept === undefined)
    },
    state: () => ({
      random: random.state(),
      ...asks.state(),
      observations: archive.observations.map(({ genome, error, costs }) => ({
        genome,
        error,
        costs: costs.map((vector) => vector ?? null),
      })),
      infeasible: archive.infeasible.map(storeTold),
      firstErrors,
      retained: memory.retained,
      errorShift: surrogate.shift ?? null,
      errorModel: surrogate.state,
      costModel: predicted?.state ?? memory.costModel,
    }),
  }
}

const latentsOf = ({ operations }: AlgorithmConfig): readonly number[] => initialLatents(choiceGroups(operations.genes))

export default defineAlgorithm({
  id: 'frugal',
  title: 'evolution guided by a model of the error: trains what promises the most hypervolume at its cost',
  create: (config, random) =>
    frugal(config, random, {
      asks: new Asks(),
      archive: new Archive(config.frontCount),
      firstErrors: [],
      errorShift: undefined,
      errorModel: initialTuning(initialParameters(INITIAL_PARAMETERS, latentsOf(config)), INITIAL_DESIGN),
      costModel: initialCostTuning(latentsOf(config)),
      retained: [],
    }),
  restore: (config, state) => {
    const stored = parseState('frugal', stateSchema, state)
    const observations = stored.observations.map(({ genome, error, costs }) => ({
      genome,
      error,
      costs: costs.map((vector) => vector ?? undefined),
    }))
    const latentCount = latentsOf(config).length
    const models = [stored.errorModel, stored.costModel].flatMap(({ serving, found }) => [serving, found])
    if (models.some(({ latents }) => latents.length !== latentCount)) {
      throw new UserError(
        "this state of the algorithm 'frugal' belongs to another search: its genes have other choices",
      )
    }
    const infeasible = stored.infeasible.map(loadTold)
    checkTold('frugal', config, [
      ...infeasible,
      ...observations.map(({ genome, error, costs }) => ({
        genome,
        fronts: costs.map((vector) => ({ objectives: vector && [error, ...vector], violation: 0 })),
      })),
    ])
    return frugal(config, randomStreamFromState(stored.random), {
      asks: new Asks(stored),
      archive: new Archive(config.frontCount, observations, infeasible),
      firstErrors: stored.firstErrors,
      errorShift: stored.errorShift ?? undefined,
      errorModel: stored.errorModel,
      costModel: stored.costModel,
      retained: stored.retained,
    })
  },
})
