import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { messageOf, UserError } from '../lib/errors.ts'
import { importArchitecture } from './architecture/read-architecture.ts'
import type { ImportedModel } from './import/imported-model.ts'
import { importOnnx } from './onnx/import-onnx.ts'
import { importTflite } from './tflite/import-tflite.ts'

/** Larger files are refused before they are read: no network for these devices comes near. */
const MAX_FILE_BYTES = 1024 ** 3
const MAX_MESSAGE = 400

const READERS: Readonly<Record<string, (bytes: Uint8Array) => ImportedModel>> = {
  '.tflite': importTflite,
  '.onnx': importOnnx,
  '.json': (bytes) => importArchitecture(new TextDecoder().decode(bytes)),
}

/**
 * Reads a model file as a network: `.tflite`, `.onnx`, or the `architecture.json` of `frugal export`.
 * @throws UserError with one sentence that names the file.
 */
export function readModel(file: string): ImportedModel {
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
  if (found.size > MAX_FILE_BYTES) {
    throw new UserError(`model '${file}' has ${found.size} bytes; at most ${MAX_FILE_BYTES} are read`)
  }
  const bytes = readable(() => readFileSync(file))
  try {
    return reader(bytes)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    // Names inside the file are a stranger's text.
    const message = error.message.replaceAll(/\p{C}/gu, '?')
    throw new UserError(`model '${file}': ${message.slice(0, MAX_MESSAGE)}${message.length > MAX_MESSAGE ? '…' : ''}`)
  }
}
