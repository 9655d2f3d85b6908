import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import type { EpochState } from '../../evaluators/training/epochs.ts'
import { decodeTensors, encodeTensors, type StoredTensor } from '../../formats/safetensors/safetensors.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import type { Weights } from '../../network/types.ts'
import type { EpochRecord } from './training-job.ts'

/** A training between two epochs: everything that the rest of it depends on. */
export interface Checkpoint {
  /** Of the job that it belongs to. */
  readonly key: string
  readonly epochs: EpochState
  readonly history: readonly EpochRecord[]
  /** Number of the epoch whose weights are kept, from 1, and those. */
  readonly keptEpoch: number
  readonly kept: Weights
  readonly weights: Weights
  readonly optimiser: Weights
}

export const epochRecordSchema = z.strictObject({
  epoch: z.int().positive(),
  loss: z.number(),
  trainingAccuracy: z.number(),
  validationAccuracy: z.number(),
  validationLoss: z.number(),
})
const randomState = z.array(z.int()).length(4)
const stateSchema = z.strictObject({
  key: z.string(),
  epochs: z.strictObject({ step: z.int().min(0), order: randomState, augmentation: randomState }),
  history: z.array(epochRecordSchema).min(1),
  keptEpoch: z.int().positive(),
})

const PARTS = ['kept', 'weights', 'optimiser'] as const

export function writeCheckpoint(file: string, checkpoint: Checkpoint): void {
  const { key, epochs, history, keptEpoch } = checkpoint
  const tensors = new Map<string, StoredTensor>()
  for (const part of PARTS) {
    for (const [name, data] of checkpoint[part]) tensors.set(`${part}/${name}`, { shape: [data.length], data })
  }
  writeFileAtomic(
    file,
    encodeTensors({ tensors, metadata: { state: JSON.stringify({ key, epochs, history, keptEpoch }) } }),
  )
}

/**
 * @returns undefined when there is no such file.
 * @throws UserError when the file is no checkpoint: it is written whole or not at all, so somebody changed it.
 */
export function readCheckpoint(file: string): Checkpoint | undefined {
  if (!existsSync(file)) return undefined
  try {
    const { tensors, metadata } = decodeTensors(readFileSync(file))
    const state = stateSchema.parse(JSON.parse(metadata['state'] ?? 'null'))
    const part = (wanted: (typeof PARTS)[number]): Weights =>
      new Map(
        [...tensors]
          .filter(([name]) => name.startsWith(`${wanted}/`))
          .map(([name, { data }]) => [name.slice(wanted.length + 1), data]),
      )
    return { ...state, kept: part('kept'), weights: part('weights'), optimiser: part('optimiser') }
  } catch (error) {
    const [line] = messageOf(error).split('\n')
    throw new UserError(`the checkpoint '${file}' is damaged (${line}): delete it to train from the start`, {
      cause: error,
    })
  }
}
