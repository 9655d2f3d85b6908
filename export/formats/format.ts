import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { Profile } from '../../hardware-profiles/index.ts'
import type { NetworkGraph, Weights } from '../../network/types.ts'
import type { QuantisationChoice } from '../quantise/choose.ts'
import type { VerifiedAccuracy } from '../verify.ts'

/** What a format is written from. */
export interface ExportContext {
  readonly graph: NetworkGraph
  readonly weights: Weights
  readonly dataset: Dataset
  readonly profile: Profile
  /** Test accuracy that the training engine measured. */
  readonly trainedAccuracy: number
  /** There for formats that need it. */
  readonly int8: QuantisationChoice | undefined
  readonly verify: boolean
  /** One line for comments in files: which network this is. */
  readonly title: string
  /** What the user calls the model. */
  readonly name: string
}

/** One thing that was checked by running a file, or why it was not. */
export interface ArtefactCheck {
  readonly artefact: string
  readonly where: string
  /** It ran, and did what it should. */
  readonly verified: boolean
  /** It ran, or should have, and did something else: beyond what is allowed. Left out otherwise. */
  readonly failed?: boolean | undefined
  /** What may be different from the reference; left out where nothing was compared. */
  readonly allowed?: string | undefined
  readonly detail: string
  /** Test samples that the file classifies rightly there, of so many; left out where they were not counted. */
  readonly classified?: { readonly correct: number; readonly samples: number } | undefined
}

export interface LayerInstructions {
  /** A kernel of the schedule, or `<id>/route` for the choice of experts. */
  readonly id: string
  readonly instructions: number
}

/** What the C needs of a device, measured and predicted. */
export interface CFootprint {
  /** Planned, and declared in the C. */
  readonly arenaBytes: number
  /** Written to while the check samples ran; undefined when none did. */
  readonly arenaUsedBytes: number | undefined
  /** Stack of one run on an emulated Cortex-M4; undefined where none ran. */
  readonly stackBytes: number | undefined
  /** Weights, biases, factors and tables, counted before compiling. */
  readonly constantBytes: number
  /** Smallest program around the model, linked for a Cortex-M4, from its sections; undefined without the compiler. */
  readonly flashBytes: number | undefined
  /** Instructions of each kernel on an emulated Cortex-M4, for one sample; undefined where they were not counted. */
  readonly layers: readonly LayerInstructions[] | undefined
}

/** What the front end of sound needs of a device, beside the network. */
export interface FrontEndFootprint {
  /** Held statically: the transform of one frame. */
  readonly workBytes: number
  /** Of a clip; the caller keeps them. */
  readonly featureBytes: number
  /** Window, cosines, bands, and the table of the network's input. */
  readonly constantBytes: number
  /** On an emulated Cortex-M4; undefined where none ran. */
  readonly stackBytes: number | undefined
  /** Smallest program around it, linked for a Cortex-M4; undefined without the compiler. */
  readonly flashBytes: number | undefined
  /** On an emulated Cortex-M4: of one frame, and of preparing the network's input; undefined where they were not counted. */
  readonly instructions: { readonly frame: number; readonly prepare: number } | undefined
}

export type FloatPrecision = 'float32' | 'float16'

/** How a file in float compares with the float32 network on the whole test part, and where it was run. */
export interface FloatFileReport {
  readonly file: string
  readonly precision: FloatPrecision
  readonly where: string
  readonly test: VerifiedAccuracy
  /** Most that one output is off. */
  readonly largestDeviation: number
  /** Largest output of the float32 network, which the deviation is to be seen against. */
  readonly largestOutput: number
  /** Most that outputs may be off. */
  readonly allowedDeviation: number
}

export interface Artefact {
  /** By path in the export folder; the names are ours, never the user's. */
  readonly files: ReadonlyMap<string, string | Uint8Array>
  readonly checks: readonly ArtefactCheck[]
  /** How to build and run it, in Markdown. */
  readonly instructions: string
  /** Measured on the file itself on the whole test part. */
  readonly accuracy?: VerifiedAccuracy
  /** Of files in float that are not `model.onnx`, which is what accuracy in float means. */
  readonly floatFile?: FloatFileReport
  readonly footprint?: CFootprint
  /** Of the front end of sound, which is an artefact of its own. */
  readonly frontEnd?: FrontEndFootprint
}

export interface ExportFormat {
  readonly id: string
  readonly description: string
  readonly needsInt8: boolean
  /** Families of devices whose runtimes open it; all where left out. */
  readonly families?: readonly Profile['family'][]
  /** Why a device's runtime does not take the file with 4-bit weights; undefined where it does. */
  readonly fourBitProblem?: (profile: Profile) => string | undefined
  /** A file that does not do what the trained network does is a check that failed, not an error. */
  readonly write: (context: ExportContext) => Promise<Artefact>
}
