import { UserError } from '../../lib/errors.ts'
import { builtinFormat } from './builtin.ts'
import { cifar10Format } from './cifar10.ts'
import type { Dataset, DatasetFormat, LoadOptions } from './dataset.ts'
import { idxFormat } from './idx.ts'
import { imageFolderFormat } from './image-folder.ts'
import { assertExists, badFile, kindOfPath } from './input-file.ts'
import { npzFormat } from './npz.ts'

/** All layouts that can be read, in the order they are tried. */
export const DATASET_FORMATS: readonly DatasetFormat[] = [
  builtinFormat,
  idxFormat,
  cifar10Format,
  npzFormat,
  imageFolderFormat,
]

/**
 * Loads a data set; the layout is recognised by the names of files and folders.
 * @param path a folder, an `.npz` file, or `builtin` for the generated set (`./builtin` for a folder of that name).
 * @throws UserError when nothing is there, no layout fits, or a file is not what its layout promises.
 */
export async function loadDataset(path: string, options: LoadOptions): Promise<Dataset> {
  if (!builtinFormat.matches(path)) assertExists(path)
  const format = DATASET_FORMATS.find((candidate) => candidate.matches(path))
  if (format === undefined) {
    if (kindOfPath(path) === 'file') throw badFile(path, 'is no .npz file', 'other layouts are given by their folder')
    const layouts = DATASET_FORMATS.map(({ description }) => description).join('; ')
    throw new UserError(`'${path}' holds no known data set layout: one of these is expected: ${layouts}`)
  }
  return format.load(path, options)
}
