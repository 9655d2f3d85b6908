import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { messageOf, UserError } from '../lib/errors.ts'
import { pathInside } from '../lib/files.ts'
import { importArchitecture } from './architecture/read-architecture.ts'
import type { ImportedModel } from './import/imported-model.ts'
import { type InputShapes, NO_SHAPES } from './import/input-shapes.ts'
import { importOnnx } from './onnx/import-onnx.ts'
import type { ReadExternal } from './onnx/read-tensor.ts'
import { importTflite } from './tflite/import-tflite.ts'

/** Larger files are refused before they are read: no network for these devices comes near. */
const MAX_FILE_BYTES = 1024 ** 3
const MAX_MESSAGE = 400

interface ReadOptions {
  /** Lengths of inputs that the file leaves open. */
  readonly shapes?: InputShapes
  /** An ONNX file is what ONNX Runtime made of one to run it: see `importOnnx`. Default false. */
  readonly executed?: boolean
}
type Reader = (bytes: Uint8Array, file: string, options: Required<ReadOptions>) => ImportedModel

const READERS: Readonly<Record<string, Reader>> = {
  '.tflite': (bytes, _file, { shapes }) => importTflite(bytes, { shapes }),
  '.onnx': (bytes, file, { shapes, executed }) => importOnnx(bytes, { shapes, executed, external: externalData(file) }),
  '.json': (bytes, _file, { shapes }) => {
    if (shapes.size > 0) throw new UserError('an architecture has a fixed shape: leave out --input-shape')
    return importArchitecture(new TextDecoder().decode(bytes))
  },
}

/**
 * Reads a model file as a network: `.tflite`, `.onnx` (with the files of weights beside it), or the `architecture.json` of
 * `frugal export`.
 * @throws UserError with one sentence that names the file.
 */
export function readModel(file: string, { shapes = NO_SHAPES, executed = false }: ReadOptions = {}): ImportedModel {
  const readable = <T>(read: () => T): T => {
    try {
      return read()
    } catch (error) {
      throw new UserError(`model '${file}' cannot be read: ${messageOf(error)}`)
    }
  }
  const found = readable(() => statSync(file, { throwIfNoEntry: false }))
  if (found?.isDirectory() === true) throw new UserError(`model '${file}' is a folder: name the file in it`)
  const suffix = path.extname(file).toLowerCase()
  const reader = READERS[suffix]
  if (reader === undefined) {
    throw new UserError(
      `model '${file}' ends in '${suffix}'; frugal reads ${Object.keys(READERS).join(', ')}: convert it to one of them`,
    )
  }
  if (found === undefined) throw new UserError(`model '${file}' cannot be read: there is no such file`)
  // A pipe would be waited for.
  if (!found.isFile()) throw new UserError(`model '${file}' is no ordinary file: name one that is stored`)
  if (found.size > MAX_FILE_BYTES) {
    throw new UserError(`model '${file}' has ${found.size} bytes; at most ${MAX_FILE_BYTES} are read`)
  }
  const bytes = readable(() => readFileSync(file))
  try {
    return reader(bytes, file, { shapes, executed })
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    // Names inside the file are a stranger's text.
    const message = error.message.replaceAll(/\p{C}/gu, '?')
    throw new UserError(`model '${file}': ${message.slice(0, MAX_MESSAGE)}${message.length > MAX_MESSAGE ? '…' : ''}`)
  }
}

/** Parts of files that lie in the folder of an ONNX file; nothing outside of it is read. */
export function externalData(file: string): ReadExternal {
  const folder = path.dirname(path.resolve(file))
  return (location, offset, length) => {
    const target = pathInside(folder, location)
    const found = statSync(target, { throwIfNoEntry: false })
    if (found?.isFile() !== true) {
      throw new UserError(`its weights lie in '${location}', which is not beside it: copy both files together`)
    }
    const count = length ?? found.size - offset
    if (count < 0 || offset + count > found.size || count > MAX_FILE_BYTES) {
      throw new UserError(
        `'${location}' has ${found.size} bytes, where ${count} from ${offset} are to be read: copy or export it again`,
      )
    }
    const bytes = new Uint8Array(count)
    const handle = openSync(target, 'r')
    try {
      for (let at = 0; at < count; ) {
        const read = readSync(handle, bytes, at, count - at, offset + at)
        if (read === 0) throw new UserError(`'${location}' ends early: copy or export it again`)
        at += read
      }
    } finally {
      closeSync(handle)
    }
    return bytes
  }
}
