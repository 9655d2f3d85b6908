import { availableRamBytes, type CostModel, type Costs, checkLimits, type Profile } from '../hardware-profiles/index.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { UserError } from '../lib/errors.ts'
import { pathInside, writeFileAtomic } from '../lib/files.ts'
import { archId } from '../network/measure.ts'
import type { NetworkGraph } from '../network/types.ts'
import { buildCard, type CardSources } from './build-card.ts'
import type { Artefact, CFootprint, ExportContext, ExportFormat, FrontEndFootprint } from './formats/format.ts'
import { cardJsonSchema, type ModelCard } from './model-card.ts'
import { type FineTuner, quantiseTrained } from './quantise/fine-tune.ts'
import type { WeightBitsMode } from './quantise/weight-bits.ts'
import { renderModelCard } from './render-card.ts'
import { frontEndArtefact } from './sound/artefact.ts'
import { encodeWeights, TRAINING_FILES } from './train/training-folder.ts'

export interface ExportJob extends CardSources {
  /** Recorded beside the graph, so that the genome can be read again. */
  readonly space: { readonly id: string; readonly version: string }
  readonly formats: readonly ExportFormat[]
  /** Quantisation-aware fine-tuning; none where left out. */
  readonly fineTuner?: FineTuner
  /** Bits of the weights of the quantised network; 8 where left out. */
  readonly weightBits?: WeightBitsMode
  /** False: the files are written without being run. */
  readonly verify: boolean
  /** What C functions are called; any text. */
  readonly name: string
  readonly out: string
  readonly signal: AbortSignal
}

/** The costs of a network on a device. @throws UserError when it is over the device's memory. */
export function affordableCosts(costModel: CostModel, graph: NetworkGraph): Costs {
  const { profile } = costModel
  const costs = costModel.price(graph)
  const [broken] = checkLimits(costs, profile)
  if (broken === undefined) return costs
  throw new UserError(
    `the network is over ${profile.id}: ${broken.limit} is ${Math.round(broken.value)}, the device has ${broken.allowed}`,
  )
}

/** @throws UserError when what was measured of the C, with its front end where there is one, is over the device's memory. */
function checkFootprint(
  { arenaBytes, stackBytes = 0, constantBytes, flashBytes }: CFootprint,
  sound: FrontEndFootprint | undefined,
  profile: Profile,
): void {
  const check = (what: string, bytes: number, allowed: number): void => {
    if (bytes <= allowed) return
    const it = sound === undefined ? 'it takes' : 'with what makes spectrograms of sound it takes'
    throw new UserError(`the C is over ${profile.id}: ${it} ${bytes} B of ${what}, the device has ${allowed} B`)
  }
  const ofSound = sound === undefined ? 0 : sound.workBytes + sound.featureBytes
  check('RAM', arenaBytes + stackBytes + ofSound, availableRamBytes(profile))
  check('flash', (flashBytes ?? constantBytes) + (sound?.flashBytes ?? sound?.constantBytes ?? 0), profile.flashBytes)
}

/**
 * Writes a trained network in every format asked for, with `architecture.json`, `weights.safetensors`, `card.json` and
 * `README.md`. Each file is run before anything is written, and figures in the card are what the runs gave; a file that
 * does something else than it should is written all the same, and the card says that its check failed. The same job
 * writes the same bytes.
 * @throws UserError when the network is over the device's memory.
 */
export async function exportNetwork(job: ExportJob): Promise<ModelCard> {
  const { graph, dataset, trained, formats, selection } = job
  const costs = affordableCosts(job.costModel, graph)
  const check = (): void => job.signal.throwIfAborted()
  const int8 = formats.some(({ needsInt8 }) => needsInt8)
    ? await quantiseTrained({ graph, dataset, trained }, job.fineTuner, check, job.weightBits)
    : undefined
  const context: ExportContext = {
    graph,
    weights: trained.weights,
    dataset,
    profile: job.costModel.profile,
    trainedAccuracy: trained.accuracy.test!,
    int8,
    verify: job.verify,
    title: `Network ${archId(graph)} for ${job.costModel.profile.id}, made by Frugal ${job.frugalVersion}`,
    name: job.name,
  }
  const artefacts: Artefact[] = []
  for (const format of formats) {
    check()
    artefacts.push(await format.write(context))
  }
  check()
  const sound = await frontEndArtefact(context)
  if (sound !== undefined) artefacts.push(sound)
  for (const { footprint } of artefacts) {
    if (footprint !== undefined) checkFootprint(footprint, sound?.frontEnd, context.profile)
  }
  check()
  const card = buildCard(job, costs, int8, artefacts)
  const { archId: trialArchId, genome } = selection.record
  const origin = { space: job.space, genome }
  const architecture = {
    format: 'frugal-architecture/1',
    archId: archId(graph),
    ...(job.pruning === undefined ? origin : { prunedFrom: { archId: trialArchId, ...origin } }),
    graph,
  }
  const write = (name: string, data: string | Uint8Array) => writeFileAtomic(pathInside(job.out, name), data)
  for (const { files } of artefacts) for (const [name, data] of files) write(name, data)
  write('architecture.json', `${canonicalJson(architecture)}\n`)
  write(TRAINING_FILES.weights, encodeWeights(graph, trained.weights))
  write('card.json', `${JSON.stringify(card, null, 2)}\n`)
  write('card.schema.json', cardJsonSchema())
  write(
    'README.md',
    renderModelCard(
      card,
      artefacts.map(({ instructions }) => instructions),
    ),
  )
  return card
}
