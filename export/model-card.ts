import { z } from 'zod'
import { QAT_MODES } from './quantise/qat-mode.ts'
import { WEIGHT_BITS_MODES } from './quantise/weight-bits.ts'

/** A schema's type with everything read-only. */
type DeepReadonly<T> = unknown extends T ? T : T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

const share = z.number().min(0).max(1)
const count = z.int().nonnegative()
const cost = z.number().nonnegative()
const text = z.string()
const settings = z.record(z.string(), z.unknown())

const accuracy = z
  .strictObject({ correct: count, samples: count, accuracy: share, interval: z.tuple([share, share]) })
  .describe('Rightly classified samples, with the 95 % Wilson score interval of their share')

const prediction = {
  latencyMs: cost,
  latencyLowMs: cost,
  latencyHighMs: cost.describe('Low and high: a 90 % interval'),
  energyMj: cost,
  peakRamBytes: cost,
  flashBytes: cost,
}

const energyLabel = z
  .strictObject({
    microjoulesPerInference: cost,
    microjoulesLow: cost,
    microjoulesHigh: cost.describe('Low and high: the interval of the latency at the same power'),
    inferencesPerWattHour: cost,
    duty: z
      .strictObject({
        periodSeconds: z.number().positive(),
        joulesPerDay: cost
          .nullable()
          .describe('Idle time included; null when one inference takes longer than the period'),
        gramsCo2ePerYear: cost.optional(),
      })
      .describe('One inference every period, idle in between'),
    gramsPerKwh: z.number().positive().optional().describe('Grid factor, as given'),
    gramsCo2ePerMillionInferences: cost.optional(),
    source: text,
  })
  .describe('Energy of the device, estimated from its profile')

const searchEnergy = z
  .strictObject({
    wattHours: cost,
    measuredWattHours: cost.describe('Of them, from counters of the machine; the rest is estimated'),
    basis: z.enum(['measured', 'estimated', 'partly measured']),
    sources: z.array(text),
    gramsPerKwh: z.number().positive().optional(),
    gramsCo2e: cost.optional(),
  })
  .describe('What the search itself used')

const trainingEnergy = z
  .strictObject({
    wattHours: cost,
    passes: cost.describe('Over the training part; those with fake quantisation count 1.6 times, of 4 bits 1.9 times'),
    basis: z.literal('estimated'),
    source: text,
    gramsPerKwh: z.number().positive().optional(),
    gramsCo2e: cost.optional(),
  })
  .describe('What training the exported network took, after the search; left out where the search has not trained it')

const footprint = z
  .strictObject({
    arenaBytes: count.describe('Planned, and declared in the C'),
    arenaUsedBytes: count.optional().describe('Written to while the check samples ran'),
    stackBytes: count.optional().describe('Stack of one run on an emulated Cortex-M4'),
    constantBytes: count.describe('Weights, biases, factors and tables'),
    flashBytes: count.optional().describe('Sections of the smallest program, linked for a Cortex-M4'),
    layers: z
      .array(z.strictObject({ id: text, instructions: count }))
      .optional()
      .describe('Instructions of each kernel on an emulated Cortex-M4, for one sample'),
  })
  .describe('What the C needs; left out is what was not measured here')

const frontEnd = z
  .strictObject({
    features: text.describe('What each is; docs/data.md has the whole formula'),
    sampleRate: count.describe('Hz'),
    clipSamples: count,
    frames: count,
    frameSamples: count,
    hopSamples: count,
    fftLength: count,
    bands: count.describe('The features are frames x bands bytes, time first'),
    lowHz: cost,
    highHz: cost,
    workBytes: count.describe('Held statically for the transform'),
    featureBytes: count.describe('Of a clip; the caller keeps them'),
    constantBytes: count.describe('Tables'),
    stackBytes: count.optional().describe('Of one run on an emulated Cortex-M4'),
    flashBytes: count.optional().describe('Sections of the smallest program around it, linked for a Cortex-M4'),
    instructionsPerFrame: count.optional().describe('Counted on an emulated Cortex-M4'),
    instructionsToPrepare: count.optional().describe('From features to the network’s int8 input'),
    latency: z
      .strictObject({ frameMs: cost, clipMs: cost, basis: z.literal('derived'), source: text })
      .optional()
      .describe('On the device, for Cortex-M'),
  })
  .describe('What makes the samples of sound: frontend/frontend.c. No part of the costs of the network')

const fineTuning = z
  .strictObject({
    mode: z.enum(QAT_MODES).describe('auto: where the drop without it is above the threshold'),
    thresholdPoints: z.number(),
    validationFloat: share.describe('Of the validation sample, in float'),
    validationDropBefore: z
      .number()
      .describe('Points of the validation sample that float is better by, without fine-tuning: what auto goes by'),
    testDropBefore: z.number().describe('The same on the test part, which decides nothing'),
    training: z
      .strictObject({
        epochs: count,
        keptEpoch: count,
        learningRate: z.number().positive(),
        fourBitLayers: count.describe('Layers whose weights were rounded to 4 bits meanwhile; the others to 8'),
        validationDropAfter: z.number(),
        testDropAfter: z.number(),
        validationBefore: share,
        validationAfter: share,
        kept: z
          .boolean()
          .describe('Whether the fine-tuned weights are the ones exported: they were better on validation'),
      })
      .optional()
      .describe('Left out where there was no fine-tuning'),
  })
  .describe('Training on with fake quantisation')

const pruning = z
  .strictObject({
    sparsity: share.describe('Share of the channels to be taken away'),
    fromArchId: text.describe('The network of the trial'),
    channels: z.strictObject({ before: count, after: count }),
    params: z.strictObject({ before: count, after: count }),
    macs: z.strictObject({ before: count, after: count }),
    testAccuracy: z.strictObject({ before: share, after: share }).describe('In float; after: fine-tuned'),
    fineTuning: z.strictObject({ epochs: count, learningRate: z.number().positive() }),
  })
  .describe('Channels with the smallest filters were taken out, and the rest trained on')

const weights = z
  .strictObject({
    mode: z.enum(WEIGHT_BITS_MODES).describe('As asked for; mixed: layers that cost little accuracy have 4 bits'),
    bytes: count.describe('All weights as the files store them, without biases'),
    bytesIn8Bits: count,
    validation: share.describe('Of the validation sample, with these bits'),
    validationIn8Bits: share,
    layers: z.array(z.strictObject({ id: text, elements: count, bits: z.literal([8, 4]) })),
  })
  .describe('Bits of the weights, layer by layer; experts of a mixture share a layer')

const floatFile = z
  .strictObject({
    file: text,
    precision: z.enum(['float32', 'float16']),
    where: text.describe('What ran it'),
    test: accuracy,
    largestDeviation: cost.describe('Most that an output is off that of the float32 network'),
    largestOutput: cost.describe('Of the float32 network'),
    allowedDeviation: cost,
  })
  .describe('A file in float beside model.onnx, on the whole test part')

/** Everything the card says, and the source of `card.schema.json`. Deterministic: no dates, and no paths but those of flags. */
export const cardSchema = z
  .strictObject({
    $schema: z.literal('card.schema.json'),
    format: z.literal('frugal-card/1'),
    frugalVersion: text,
    archId: text,
    trial: count,
    rule: text.describe('Why this trial was chosen'),
    command: text.describe(
      'Makes the same export again in the folder it was made in; files and folders as they were given',
    ),
    files: z.array(text).describe('Files that hold the network, beside the card’s own'),
    device: z.strictObject({ id: text, title: text, runtime: text, dataType: text }),
    data: z.strictObject({
      name: text,
      digest: text,
      classNames: z.array(text),
      trainSamples: count,
      validationSamples: count,
      testSamples: count,
    }),
    input: z.strictObject({ shape: z.array(count), meaning: text }),
    output: z.strictObject({ shape: z.array(count), meaning: text }),
    training: z.strictObject({
      engine: text,
      epochs: count.describe('Planned'),
      seed: count,
      recipe: settings,
      epochsRun: count,
      keptEpoch: count.describe('The epoch whose weights these are'),
      energy: trainingEnergy.optional(),
    }),
    pruning: pruning.optional(),
    accuracy: z.strictObject({
      test: accuracy.describe('Of the float network on the whole test part'),
      measuredOn: text,
      validation: share,
      searchValidation: share.describe('After the search’s short training'),
    }),
    floatFiles: z.array(floatFile).optional(),
    int8: z
      .strictObject({
        test: accuracy.describe('Of the integer reference on the whole test part'),
        dropPoints: z.number().describe('Percentage points that float is better by'),
        calibration: z.enum(['minmax', 'percentile']),
        calibrationSamples: count,
        validation: z.strictObject({ minmax: share, percentile: share }),
        validationSamples: count,
        weights,
        fineTuning,
      })
      .optional(),
    footprint: footprint.optional(),
    frontEnd: frontEnd.optional(),
    verification: z.array(
      z
        .strictObject({
          artefact: text,
          where: text,
          verified: z.boolean(),
          failed: z.boolean().optional().describe('It did something else than it should: the file is not to be used'),
          allowed: text.optional().describe('What may be different from the reference there'),
          detail: text,
          classified: z
            .strictObject({ correct: count, samples: count })
            .optional()
            .describe('Test samples that the file classifies rightly there'),
        })
        .describe('verified: it ran and did what it should; neither that nor failed: it was not run'),
    ),
    warnings: z.array(text),
    cost: z
      .strictObject({
        macs: count,
        params: count,
        ...prediction,
        basis: z.strictObject({ exact: share, interpolated: share, extrapolated: share, fallback: share }),
        sources: z.array(text),
      })
      .describe('Estimates of the device’s profile, for its own runtime'),
    costOfC: z
      .strictObject({ profile: text, ...prediction, sources: z.array(text) })
      .optional()
      .describe('Estimates for the exported C on the same board'),
    layers: z
      .array(
        z.strictObject({
          id: text,
          kind: text,
          macs: cost,
          cycles: cost
            .optional()
            .describe('Predicted for the profile’s runtime; left out where that has no such kernel'),
          cyclesOfC: cost.optional().describe('Predicted for the exported C'),
          instructionsOfC: count.optional().describe('Counted on an emulated Cortex-M4'),
        }),
      )
      .optional()
      .describe('Kernels in their order, on Cortex-M'),
    energy: energyLabel,
    search: z.strictObject({ trials: count, failures: count, cpuSeconds: cost, energy: searchEnergy, settings }),
  })
  .describe('Model card of a network that Frugal exported')

export type ModelCard = DeepReadonly<z.infer<typeof cardSchema>>
export type Int8Card = NonNullable<ModelCard['int8']>

/** The card's JSON Schema: what `card.schema.json` holds, in the package and beside each card. */
export const cardJsonSchema = (): string =>
  `${JSON.stringify(z.toJSONSchema(cardSchema, { target: 'draft-2020-12' }), null, 2)}\n`
