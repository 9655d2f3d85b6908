import { readFileSync, statSync } from 'node:fs'
import type { InferenceSession } from 'onnxruntime-node'
import { sha256Hex } from '../../lib/canonical-json.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { shapeText, sizeOf } from '../../network/shapes.ts'
import type { Dataset } from '../datasets/dataset.ts'
import { sharedFloat32 } from '../datasets/shared-arrays.ts'
import type { Distillation, Recipe } from './engine.ts'

/** Samples of one run of the teacher, where its file leaves the number open. */
const BATCH = 64
/** Below this a probability counts as this: its logarithm must be finite. */
const LEAST_SHARE = 1e-9

/** A free dimension of a file is a name, or no number at all. */
type Dimension = number | string

interface TeacherModel {
  readonly session: InferenceSession
  readonly input: string
  readonly output: string
  readonly batch: number
}

export const DISTILLATION_DEFAULTS = { weight: 0.5, temperature: 4 } as const satisfies Partial<Distillation>

/**
 * The recipe, learning from a teacher's answers too; the data set must then come from `withTeacher`.
 * @throws UserError when the file cannot be read.
 */
export const distilled = (
  recipe: Recipe,
  file: string,
  { weight, temperature }: Omit<Distillation, 'teacher'> = DISTILLATION_DEFAULTS,
): Recipe => ({ ...recipe, distillation: { teacher: sha256Hex(readTeacher(file)), weight, temperature } })

/**
 * The data set with what a teacher answers for each training sample, computed once. The teacher is an ONNX file as
 * `frugal export` and `frugal train` write it: it takes raw samples, float32 `[batch, height, width, channels]`, and gives
 * `[batch, classes]`, logits or probabilities. Samples are shown as they are, without augmentation.
 * @throws UserError when the file cannot be read or does not match the data.
 */
export async function withTeacher(dataset: Dataset, file: string): Promise<Dataset> {
  const bytes = readTeacher(file)
  const teacher = await openTeacher(dataset, file, bytes)
  try {
    const logits = await answersOf(teacher, dataset, file)
    return { ...dataset, teacher: { digest: sha256Hex(bytes), logits } }
  } finally {
    await teacher.session.release()
  }
}

function readTeacher(file: string): Buffer {
  try {
    if (statSync(file).isFile()) return readFileSync(file)
  } catch {
    // Told below, as for a folder.
  }
  throw new UserError(`the teacher '${file}' cannot be read: give an ONNX file, such as frugal export writes`)
}

async function openTeacher(dataset: Dataset, file: string, bytes: Buffer): Promise<TeacherModel> {
  const { InferenceSession } = await import('onnxruntime-node')
  let session: InferenceSession
  try {
    session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 })
  } catch (error) {
    const [line] = messageOf(error).split('\n')
    throw new UserError(`the teacher '${file}' is no ONNX file that can be run: ${line}`, { cause: error })
  }
  try {
    return { session, ...checkedEnds(session, dataset, file) }
  } catch (error) {
    await session.release()
    throw error
  }
}

/** @throws UserError when the network does not read the samples of the data set or has another number of classes. */
function checkedEnds(session: InferenceSession, dataset: Dataset, file: string): Omit<TeacherModel, 'session'> {
  const [input, ...more] = session.inputMetadata
  const [output] = session.outputMetadata
  const wanted = `float32 batch×${shapeText(dataset.inputShape)}`
  if (input === undefined || more.length > 0 || !input.isTensor || input.type !== 'float32') {
    throw new UserError(`the teacher '${file}' must have one input, ${wanted}, for the data set '${dataset.name}'`)
  }
  const shape = input.shape as readonly Dimension[]
  const fits = shape.length === 4 && dataset.inputShape.every((length, axis) => shape[axis + 1] === length)
  if (!fits) {
    throw new UserError(
      `the teacher '${file}' reads ${shape.join('×')}; for the data set '${dataset.name}' it must read ${wanted}`,
    )
  }
  const classes = dataset.classNames.length
  const result = output?.isTensor ? (output.shape as readonly Dimension[]) : []
  if (!output?.isTensor || output.type !== 'float32' || result.length !== 2 || result[1] !== classes) {
    throw new UserError(
      `the teacher '${file}' gives ${result.join('×')}; the data set '${dataset.name}' has ${classes} classes`,
    )
  }
  const batch = typeof shape[0] === 'number' && shape[0] > 0 ? shape[0] : BATCH
  return { input: input.name, output: output.name, batch }
}

async function answersOf(teacher: TeacherModel, dataset: Dataset, file: string): Promise<Float32Array> {
  const { Tensor } = await import('onnxruntime-node')
  const { session, input, output, batch } = teacher
  const classes = dataset.classNames.length
  const size = sizeOf(dataset.inputShape)
  const logits = sharedFloat32(dataset.labels.length * classes)
  const { train } = dataset.splits
  for (let start = 0; start < train.length; start += batch) {
    const indices = train.subarray(start, start + batch)
    // A last batch that is not full keeps zeros at its end.
    const samples = new Float32Array(batch * size)
    for (const [i, index] of indices.entries()) {
      samples.set(dataset.samples.subarray(index * size, (index + 1) * size), i * size)
    }
    const results = await session.run({ [input]: new Tensor('float32', samples, [batch, ...dataset.inputShape]) })
    const answers = results[output]!.data as Float32Array
    for (const [i, index] of indices.entries()) {
      logits.set(asLogits(answers.subarray(i * classes, (i + 1) * classes), file), index * classes)
    }
  }
  return logits
}

/** Logits as they are; of probabilities, which are never negative and add up to 1, the logarithms. */
function asLogits(answer: Float32Array, file: string): Float32Array {
  if (!answer.every(Number.isFinite)) throw new UserError(`the teacher '${file}' gives answers that are not finite`)
  const sum = answer.reduce((total, value) => total + value, 0)
  const areShares = answer.every((value) => value >= 0) && Math.abs(sum - 1) < 1e-3
  return areShares ? answer.map((value) => Math.log(Math.max(value, LEAST_SHARE))) : answer
}
