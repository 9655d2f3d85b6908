import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { decodeTensors, encodeTensors, type StoredTensor } from '../../formats/safetensors/safetensors.ts'
import { type Failure, failure, messageOf } from '../../lib/errors.ts'
import { pathInside, writeFileAtomic } from '../../lib/files.ts'
import type { WeightRole, Weights } from '../../network/types.ts'
import type { Layer } from './layers.ts'

/** A network between two stages of training. */
export interface Checkpoint {
  /** Names everything that the state depends on: only the same training goes on from it. */
  readonly key: string
  readonly layers: readonly Layer[]
  /** Named as `weightSpecs` names them. */
  readonly weights: Weights
  /** As `readOptimiser` of a program gives it: names with a `#`. */
  readonly optimiser: Weights
}

const FORMAT = 'frugal-checkpoint@1'
/** Weights of a network that a search trains fill a few MB; more would only come from a broken file. */
const MAX_BYTES = 2 ** 30
const MAX_LAYERS = 5000

const roles = [
  'kernel',
  'bias',
  'gamma',
  'beta',
  'movingMean',
  'movingVariance',
  'constant',
] as const satisfies readonly WeightRole[]
const shapeSchema = z.array(z.int().positive()).max(4)
const layersSchema = z
  .array(
    z.strictObject({
      path: z.string(),
      kind: z.string(),
      shape: shapeSchema,
      weights: z
        .array(z.strictObject({ role: z.enum(roles), shape: shapeSchema }))
        .min(1)
        .max(roles.length),
    }),
  )
  .max(MAX_LAYERS)

/** The file of a name in a folder of checkpoints. @throws UserError for a name that leaves the folder. */
export const checkpointFile = (directory: string, name: string): string => pathInside(directory, `${name}.checkpoint`)

/** Each weight with its shape. */
const weightShapes = (layers: readonly Layer[]): readonly (readonly [string, readonly number[]])[] =>
  layers.flatMap(({ path, weights }) => weights.map(({ role, shape }) => [`${path}/${role}`, shape] as const))

/** SHA-256 of all that a checkpoint says, so that a flipped bit is seen. */
function digestOf(key: string, layers: string, tensors: ReadonlyMap<string, StoredTensor>): string {
  const hash = createHash('sha256').update(JSON.stringify([key, layers]))
  for (const [name, { data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify(name)).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex')
}

/** Writes a checkpoint whole or not at all, as a safetensors file. */
export function writeCheckpoint(file: string, { key, layers, weights, optimiser }: Checkpoint): void {
  const shapes = new Map(weightShapes(layers))
  const tensors = new Map<string, StoredTensor>()
  for (const [name, data] of [...weights, ...optimiser]) {
    tensors.set(name, { shape: shapes.get(name) ?? [data.length], data })
  }
  const text = JSON.stringify(layers)
  const metadata = { format: FORMAT, key, layers: text, sha256: digestOf(key, text, tensors) }
  writeFileAtomic(file, encodeTensors({ tensors, metadata }))
}

/**
 * Reads a checkpoint; all of it is checked before it is used.
 * @returns undefined where there is no such file, and a `Failure` for one that is damaged or none of ours.
 */
export function readCheckpoint(file: string): Checkpoint | Failure | undefined {
  try {
    const size = statSync(file, { throwIfNoEntry: false })?.size
    if (size === undefined) return undefined
    if (size > MAX_BYTES) throw new RangeError(`it has ${size} bytes`)
    return parseCheckpoint(readFileSync(file))
  } catch (error) {
    return failure('checkpoint', `'${file}' is no checkpoint of this version, or is damaged: ${messageOf(error)}`)
  }
}

function parseCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeTensors(bytes)
  const { format, key, layers: text, sha256 } = metadata
  if (format !== FORMAT || key === undefined || text === undefined) throw new RangeError('it is another kind of file')
  if (digestOf(key, text, tensors) !== sha256) throw new RangeError('its checksum differs')
  const parsed = layersSchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new RangeError('its list of layers is wrong')
  const layers = parsed.data
  const weights = new Map<string, Float32Array>()
  for (const [name, shape] of weightShapes(layers)) {
    const tensor = tensors.get(name)
    if (tensor === undefined || tensor.shape.join() !== shape.join()) {
      throw new RangeError(`the weight '${name}' is missing or has another shape`)
    }
    weights.set(name, tensor.data)
  }
  const optimiser = [...tensors].filter(([name]) => name.includes('#'))
  return { key, layers, weights, optimiser: new Map(optimiser.map(([name, { data }]) => [name, data])) }
}
