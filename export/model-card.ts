import type { BasisShares } from '../hardware-profiles/index.ts'
import type { ArtefactCheck, CFootprint } from './formats/format.ts'
import type { QuantisationChoice } from './quantise/choose.ts'
import type { CalibrationMethod } from './quantise/types.ts'
import type { VerifiedAccuracy } from './verify.ts'

/** What became of the network in int8. */
export interface Int8Card extends Pick<QuantisationChoice, 'calibrationSamples' | 'validation' | 'validationSamples'> {
  /** Measured by the integer reference on the whole test part. */
  readonly test: VerifiedAccuracy
  /** Percentage points that float is better by. */
  readonly dropPoints: number
  readonly calibration: CalibrationMethod
}

/** Everything the card says; written as `card.json`, and as prose in `README.md`. Deterministic: no dates, no paths. */
export interface ModelCard {
  readonly format: 'frugal-card/1'
  readonly frugalVersion: string
  readonly archId: string
  readonly trial: number
  readonly rule: string
  /** Files that hold the network, beside the card's own. */
  readonly files: readonly string[]
  readonly device: { readonly id: string; readonly title: string; readonly runtime: string; readonly dataType: string }
  readonly data: {
    readonly name: string
    readonly digest: string
    readonly classNames: readonly string[]
    readonly trainSamples: number
    readonly validationSamples: number
    readonly testSamples: number
  }
  readonly input: { readonly shape: readonly number[]; readonly meaning: string }
  readonly output: { readonly shape: readonly number[]; readonly meaning: string }
  readonly training: {
    readonly engine: string
    readonly epochs: number
    readonly seed: number
    readonly recipe: Readonly<Record<string, unknown>>
    /** Epochs run, and the one whose weights these are; `epochs` says how many were planned. */
    readonly epochsRun: number
    readonly bestEpoch: number
  }
  readonly accuracy: {
    /** Of the float network on the whole test part. */
    readonly test: VerifiedAccuracy
    readonly measuredOn: string
    /** Validation accuracy after the final training, and in the search's short one. */
    readonly validation: number
    readonly searchValidation: number
  }
  readonly int8?: Int8Card
  /** What the C needs of the device. */
  readonly footprint?: CFootprint
  readonly verification: readonly ArtefactCheck[]
  readonly warnings: readonly string[]
  readonly cost: {
    readonly macs: number
    readonly params: number
    readonly latencyMs: number
    readonly latencyLowMs: number
    readonly latencyHighMs: number
    readonly energyMj: number
    readonly peakRamBytes: number
    readonly flashBytes: number
    readonly basis: BasisShares
    readonly sources: readonly string[]
  }
  readonly search: {
    readonly trials: number
    readonly failures: number
    readonly cpuSeconds: number
    readonly settings: Readonly<Record<string, unknown>>
  }
}
