import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'

/** The device that is this computer. */
export const HOST_ID = 'host'

/** Changes when other micro-benchmarks or another fit would give other figures. */
const HOST_FORMAT = 7

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
export function hostFile(what: 'profile' | 'cases', identity: HostIdentity = hostIdentity()): string {
  const digest = sha256Hex(canonicalJson({ ...identity, format: HOST_FORMAT })).slice(0, 12)
  return path.join(cacheFolder(), `host-${digest}.${what}.json`)
}
