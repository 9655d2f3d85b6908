import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'

/** The device that is this computer. */
export const HOST_ID = 'host'

/**
 * This computer, by the number format of the networks that it runs: float32; uint8 values and int8 weights, as ONNX Runtime's quantiser
 * writes them; uint8 values and uint8 weights, as `frugal export` does, for which there are other kernels; float32 values and int8
 * weights that are turned into real numbers in every inference.
 */
export const HOST_IDS = [HOST_ID, 'host-int8', 'host-uint8', 'host-dequantised'] as const
export type HostId = (typeof HOST_IDS)[number]

export const isHostId = (id: string): id is HostId => (HOST_IDS as readonly string[]).includes(id)

/** Changes when other micro-benchmarks or another fit would give other figures. */
const HOST_FORMAT = 9

/** What decides how fast networks run here: another processor or another runtime is measured anew. */
export interface HostIdentity {
  readonly cpu: string
  readonly platform: string
  readonly runtimeVersion: string
}

export function hostIdentity(): HostIdentity {
  const require = createRequire(import.meta.url)
  let version: string
  try {
    version = (require('onnxruntime-node/package.json') as { version: string }).version
  } catch {
    throw new UserError("the device 'host' needs the package onnxruntime-node, which is not installed")
  }
  const cpu = os.cpus()[0]?.model.trim() || 'unknown processor'
  return { cpu, platform: `${process.platform}-${process.arch}`, runtimeVersion: version }
}

/** Folder for files that can be made again: `$XDG_CACHE_HOME/frugal`, or the system's usual place. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = env
  if (xdg !== undefined && path.isAbsolute(xdg)) return path.join(xdg, 'frugal')
  if (platform === 'win32' && local !== undefined) return path.join(local, 'frugal', 'cache')
  const home = os.homedir()
  return platform === 'darwin' ? path.join(home, 'Library', 'Caches', 'frugal') : path.join(home, '.cache', 'frugal')
}

/** Where the measured profile of a computer lies, or its validation cases. */
export function hostFile(what: 'profile' | 'cases', id: HostId = HOST_ID, identity = hostIdentity()): string {
  const digest = sha256Hex(canonicalJson({ ...identity, format: HOST_FORMAT })).slice(0, 12)
  return path.join(cacheFolder(), `${id}-${digest}.${what}.json`)
}
