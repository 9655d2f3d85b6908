import { createRequire } from 'node:module'
import { messageOf, UserError } from '../../../lib/errors.ts'
import type { Tensorflow } from './scope.ts'

/** A build of TensorFlow.js. */
export interface TensorflowLibrary {
  readonly name: string
  readonly version: string
  /** Loads it; later calls give the same. */
  load(): Promise<Tensorflow>
}

/** Native builds, the preferred one first. Neither is a dependency: installing them downloads a library of 0.2–0.4 GB. */
export const NATIVE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const

const require = createRequire(import.meta.url)

/** Version of an installed package, read from its description without running it; undefined when it is not there. */
export function installedVersion(name: string): string | undefined {
  try {
    return (require(`${name}/package.json`) as { version: string }).version
  } catch {
    return undefined
  }
}

/** The first native build that is installed. @throws UserError when none is. */
export function nativeLibrary(): TensorflowLibrary {
  for (const name of NATIVE_PACKAGES) {
    const version = installedVersion(name)
    if (version !== undefined) return { name, version, load: () => loadNative(name) }
  }
  throw new UserError(
    `the engine 'tensorflow' needs a package that is not installed: npm install ${NATIVE_PACKAGES[0]} (NVIDIA GPU) or ${NATIVE_PACKAGES[1]} (processor)`,
  )
}

/** Loads a native build. @throws UserError when its native library does not load. */
export async function loadNative(name: string): Promise<Tensorflow> {
  restoreRemovedUtilities()
  try {
    const library = require(name) as Tensorflow
    library.enableProdMode()
    await library.ready()
    return library
  } catch (error) {
    const [line] = messageOf(error).split('\n')
    throw new UserError(
      `'${name}' is installed but does not load: ${line}; reinstall it, or take --engine onnxruntime`,
      {
        cause: error,
      },
    )
  }
}

/** tfjs-node 4.22 calls two functions that Node 23 took away. */
function restoreRemovedUtilities(): void {
  const util = require('node:util') as Record<string, unknown>
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined
  util['isArray'] ??= Array.isArray
}
