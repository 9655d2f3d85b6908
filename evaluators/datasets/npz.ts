import path from 'node:path'
import { sizeOf } from '../../network/shapes.ts'
import { assembleDataset } from './assemble.ts'
import type { DatasetFormat, SampleArray, SplitName } from './dataset.ts'
import { badFile, kindOfPath, listNames, readInputFile } from './input-file.ts'
import { type NpyArray, type NpyValues, readNpy } from './npy.ts'
import { sharedFloat32, sharedInt8, sharedInt32, sharedUint8 } from './shared-arrays.ts'
import type { SampleRange } from './splits.ts'
import { readZip, type ZipEntry } from './zip.ts'

/** Accepted pairs of keys per part; `x`, `y` alone are the training part. */
const KEYS: readonly (readonly [SplitName, string, string])[] = [
  ['train', 'x', 'y'],
  ['train', 'x_train', 'y_train'],
  ['validation', 'x_val', 'y_val'],
  ['test', 'x_test', 'y_test'],
]
const KEYS_TEXT = 'x and y, or x_train, y_train and optionally x_val, y_val, x_test, y_test'

interface Part {
  readonly range: SampleRange
  readonly samples: NpyArray
  readonly sampleShape: readonly number[]
  readonly labels: NpyArray
}

const isNpz = (name: string): boolean => name.toLowerCase().endsWith('.npz')

/** The arrays by their names in an archive, `x.npy` and so on. */
type Arrays = ReadonlyMap<string, Pick<ZipEntry, 'name' | 'read'>>

/** Arrays that lie in a folder one by one, as `numpy.save` writes them. */
const looseArrays = (folder: string): Arrays =>
  new Map(
    listNames(folder)
      .filter((name) => KEYS.some((keys) => keys.includes(name.replace(/\.npy$/, ''))) && name.endsWith('.npy'))
      .map((name) => [name, { name, read: () => readInputFile(path.join(folder, name)) }]),
  )
const isLoose = (folder: string): boolean => !listNames(folder).some(isNpz) && looseArrays(folder).size > 0

function findArchive(target: string): string {
  if (kindOfPath(target) !== 'folder') return target
  const archives = listNames(target).filter(isNpz)
  if (archives.length === 1) return path.join(target, archives[0]!)
  throw badFile(target, `holds ${archives.length} NPZ files (${archives.join(', ')})`, 'name the one to use')
}

function sampleShape(where: string, shape: readonly number[]): readonly number[] {
  const tuple = `(${shape.join(', ')})`
  if ((shape.length !== 3 && shape.length !== 4) || shape.includes(0)) {
    throw badFile(
      where,
      `has shape ${tuple}`,
      '(samples, height, width) or (samples, height, width, channels) is expected',
    )
  }
  const [, height, width, channels = 1] = shape as [number, number, number, number?]
  if (height <= 4 && width === channels && channels > 4) {
    throw badFile(where, `has shape ${tuple}, channels first`, 'apply .transpose(0, 2, 3, 1) before saving')
  }
  return [height, width, channels]
}

function readPart(file: string, entries: Arrays, keys: (typeof KEYS)[number]): Part | undefined {
  const [split, sampleKey, labelKey] = keys
  const [x, y] = [entries.get(`${sampleKey}.npy`), entries.get(`${labelKey}.npy`)]
  if (x === undefined && y === undefined) return undefined
  if (x === undefined || y === undefined) {
    const [present, missing] = x === undefined ? [labelKey, sampleKey] : [sampleKey, labelKey]
    throw badFile(file, `holds ${present} but not ${missing}`, `it must hold ${KEYS_TEXT}`)
  }
  const samples = readNpy(`${file}/${x.name}`, x.read())
  const labels = readNpy(`${file}/${y.name}`, y.read())
  const count = samples.shape[0]!
  const shape = sampleShape(`${file}/${x.name}`, samples.shape)
  // Some data sets store labels as a column.
  const isColumn = labels.shape.length === 1 || (labels.shape.length === 2 && labels.shape[1] === 1)
  if (!isColumn || labels.shape[0] !== count) {
    const [length, classes] = labels.shape
    const isOneHot = labels.shape.length === 2 && length === count && classes! > 1
    const right = `${sampleKey} holds ${count} samples, so ${labelKey} must have shape (${count},)${isOneHot ? ': of a column for each class, save .argmax(1)' : ''}`
    throw badFile(`${file}/${y.name}`, `has shape (${labels.shape.join(', ')})`, right)
  }
  return {
    range: { source: `${file}/${y.name}`, values: `${file}/${x.name}`, split, count },
    samples,
    sampleShape: shape,
    labels,
  }
}

const isFloat = (values: NpyValues): boolean => values instanceof Float32Array || values instanceof Float64Array

/** The smallest type that holds every value: 8-bit data stays 8-bit, whatever integer type it was saved as. */
function storageFor(arrays: readonly NpyValues[], length: number): SampleArray {
  if (arrays.every((values) => values instanceof Uint8Array)) return sharedUint8(length)
  if (arrays.every((values) => values instanceof Int8Array)) return sharedInt8(length)
  if (arrays.some(isFloat)) return sharedFloat32(length)
  let least = 0
  let most = 0
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      const value = Number(values[i])
      if (value < least) least = value
      if (value > most) most = value
    }
  }
  if (least >= 0 && most <= 255) return sharedUint8(length)
  return least >= -128 && most <= 127 ? sharedInt8(length) : sharedFloat32(length)
}

function copyValues(values: NpyValues, target: SampleArray, start: number): void {
  if (values instanceof BigInt64Array) {
    for (let i = 0; i < values.length; i++) target[start + i] = Number(values[i])
  } else {
    target.set(values, start)
  }
}

function copyLabels(part: Part, target: Int32Array, start: number): void {
  const { values } = part.labels
  for (let i = 0; i < values.length; i++) {
    const label = Number(values[i])
    if (!Number.isInteger(label) || Math.abs(label) >= 2 ** 31) {
      throw badFile(part.range.source, `has label ${label} at index ${i}`, 'labels are whole numbers from 0')
    }
    target[start + i] = label
  }
}

/** NumPy archives, or their arrays in a folder, with samples in height × width × channels order. */
export const npzFormat: DatasetFormat = {
  id: 'npz',
  description: `NumPy: a .npz file (or a folder with one, or with .npy files) that holds ${KEYS_TEXT}`,
  matches: (target) =>
    kindOfPath(target) === 'folder' ? listNames(target).some(isNpz) || isLoose(target) : isNpz(target),
  load: async (target, options) => {
    const loose = kindOfPath(target) === 'folder' && isLoose(target)
    const file = loose ? target : findArchive(target)
    const entries: Arrays = loose
      ? looseArrays(target)
      : new Map(readZip(file, readInputFile(file)).map((entry) => [entry.name, entry]))
    const parts = KEYS.map((keys) => readPart(file, entries, keys)).filter((part) => part !== undefined)
    if (parts.filter(({ range }) => range.split === 'train').length !== 1) {
      const names = [...entries.keys()].map((name) => name.replace(/\.npy$/, '')).slice(0, 10)
      throw badFile(file, `holds the arrays ${names.join(', ') || '(none)'}`, `it must hold ${KEYS_TEXT}`)
    }
    const inputShape = parts[0]!.sampleShape
    for (const part of parts) {
      if (part.sampleShape.join() === inputShape.join()) continue
      const right = `all parts need the ${inputShape.join('×')} of the training part`
      throw badFile(file, `holds ${part.range.split} samples of ${part.sampleShape.join('×')}`, right)
    }
    const total = parts.reduce((sum, part) => sum + part.range.count, 0)
    const samples = storageFor(
      parts.map((part) => part.samples.values),
      total * sizeOf(inputShape),
    )
    const labels = sharedInt32(total)
    let next = 0
    for (const part of parts) {
      copyValues(part.samples.values, samples, next * sizeOf(inputShape))
      copyLabels(part, labels, next)
      next += part.range.count
    }
    const name = path.basename(path.resolve(target)).replace(/\.npz$/i, '')
    return assembleDataset({ name, inputShape, samples, labels, ranges: parts.map((part) => part.range) }, options)
  },
}
