import { join } from 'node:path'
import { UserError } from '../../lib/errors.ts'
import { builtinFormat } from './builtin.ts'
import { cifar10Format } from './cifar10.ts'
import { csvFormat } from './csv.ts'
import type { Dataset, DatasetFormat, LoadOptions } from './dataset.ts'
import { idxFormat } from './idx.ts'
import { imageFolderFormat } from './image-folder.ts'
import { assertExists, badFile, kindOfPath, listNames } from './input-file.ts'
import { npzFormat } from './npz.ts'
import { soundFolderFormat } from './sound-folder.ts'

/** All layouts that can be read, in the order they are tried. */
export const DATASET_FORMATS: readonly DatasetFormat[] = [
  builtinFormat,
  idxFormat,
  cifar10Format,
  npzFormat,
  imageFolderFormat,
  soundFolderFormat,
  csvFormat,
]

/** What people have beside the layouts, and what to make of it. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/\.wav$/i, 'name the folder that holds one folder of WAV files per class, or call the files class_….wav'],
  [/\.(flac|mp3|ogg|opus|m4a|aiff?)$/i, 'convert the sound to WAV first'],
  [/\.(gif|bmp|webp|tiff?|hei[cf])$/i, 'convert the images to PNG or JPEG first'],
  [/\.(png|jpe?g)$/i, 'name the folder that holds one folder of images per class'],
  [/\.npy$/i, 'name a folder with x.npy (samples) and y.npy (their classes)'],
  [/\.(arff|feather|parquet|xlsx?)$/i, 'save it as CSV first'],
  [/\.(data|dat)$/i, 'where it is CSV, call it .csv, or name it in csv.json (docs/data.md)'],
]

/** The first hint that fits a name in the folder or in the folders within. */
function hintFor(folder: string): string | undefined {
  const names = listNames(folder)
  const all = [...names, ...names.flatMap((name) => listNames(join(folder, name)))]
  return HINTS.find(([pattern]) => all.some((name) => pattern.test(name)))?.[1]
}

/**
 * Loads a data set; the layout is recognised by the names of files and folders.
 * @param path a folder, an `.npz` file, or `builtin` for the generated set (`./builtin` for a folder of that name).
 * @throws UserError when nothing is there, no layout fits, or a file is not what its layout promises.
 */
export async function loadDataset(path: string, options: LoadOptions): Promise<Dataset> {
  if (!builtinFormat.matches(path)) assertExists(path)
  const format = DATASET_FORMATS.find((candidate) => candidate.matches(path))
  if (format === undefined) {
    if (kindOfPath(path) === 'file') {
      const hint = HINTS.find(([pattern]) => pattern.test(path))?.[1]
      throw badFile(path, 'is no .npz, .csv or .tsv file', hint ?? 'other layouts are given by their folder')
    }
    if (listNames(path).length === 0) throw badFile(path, 'is an empty folder', 'give one that holds a data set')
    const hint = hintFor(path)
    if (hint !== undefined) throw badFile(path, 'holds no known data set layout', hint)
    const layouts = DATASET_FORMATS.map(({ description }) => description).join('; ')
    throw new UserError(`'${path}' holds no known data set layout: one of these is expected: ${layouts}`)
  }
  return format.load(path, options)
}
