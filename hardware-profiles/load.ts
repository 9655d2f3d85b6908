import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { messageOf, UserError } from '../lib/errors.ts'
import { unknownName } from '../lib/nearest-name.ts'
import { atOperatingPoint } from './energy.ts'
import { HOST_ID, type HostId, hostFile, isHostId } from './host/cache.ts'
import { type Profile, profileSchema } from './profile.ts'

const SUFFIX = '.profile.json'
const DEVICES = path.join(import.meta.dirname, 'devices')
/** A stranger's file is refused above this size before it is read. */
const MAX_FILE_BYTES = 4 * 1024 * 1024

/** The built-in profiles, sorted by id. */
export function listProfiles(): readonly { readonly id: string; readonly file: string }[] {
  return readdirSync(DEVICES)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => ({ id: name.slice(0, -SUFFIX.length), file: path.join(DEVICES, name) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

const looksLikePath = (name: string): boolean => name.endsWith('.json') || /[\\/]/.test(name)

/** `device@point`: a device at one of its operating points. Paths may hold an @ of their own, a point's name no slash or dot. */
const AT_POINT = /^(.+)@([a-z0-9][a-z0-9-]{0,30})$/

/**
 * Reads a built-in profile by id, or any profile file by its path (anything with a slash or ending in `.json`); `host` is this
 * computer as it was measured before. `@point` behind one means another of its operating points, under the id `<id>-<point>`.
 * @throws UserError for an unknown id (with the nearest one), an unreadable file, a file that breaks the schema, or an
 * operating point that the device does not have.
 */
export function loadProfile(idOrPath: string): Profile {
  const [, device, point] = AT_POINT.exec(idOrPath) ?? []
  if (device === undefined || point === undefined) return loadDevice(idOrPath)
  const profile = atOperatingPoint(loadDevice(device), point)
  return { ...profile, id: `${profile.id}-${point}` }
}

function loadDevice(idOrPath: string): Profile {
  if (looksLikePath(idOrPath)) return readProfile(idOrPath)
  if (isHostId(idOrPath)) return loadHost(idOrPath)
  const known = listProfiles()
  const found = known.find(({ id }) => id === idOrPath)
  if (found === undefined) throw new UserError(unknownName('device', idOrPath, [...known.map(({ id }) => id), HOST_ID]))
  const profile = readProfile(found.file)
  if (profile.id !== found.id) {
    throw new UserError(`profile '${found.file}' says its id is '${profile.id}'; file name and id must agree`)
  }
  return profile
}

function loadHost(id: HostId): Profile {
  const file = hostFile('profile', id)
  if (!existsSync(file)) {
    throw new UserError(`this computer is not measured yet, or has changed: run frugal devices bench ${id}`)
  }
  return readProfile(file)
}

function readProfile(file: string): Profile {
  let content: string
  try {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found === undefined) throw new UserError(`profile '${file}' cannot be read: there is no such file`)
    if (found.isDirectory()) throw new UserError(`profile '${file}' is a folder: name the file in it`)
    if (found.size > MAX_FILE_BYTES) {
      throw new UserError(`profile '${file}' has ${found.size} bytes; at most ${MAX_FILE_BYTES} are read`)
    }
    content = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`profile '${file}' cannot be read: ${messageOf(error)}`)
  }
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    throw new UserError(`profile '${file}' is not JSON: ${messageOf(error)}`)
  }
  return parseProfile(value, file)
}

/** Checks a profile that came from anywhere. @throws UserError naming the first member that is wrong. */
export function parseProfile(value: unknown, where: string): Profile {
  // Compiling the schema takes longer than it saves on the few profiles that a process reads.
  const result = profileSchema.safeParse(value, { jitless: true })
  if (!result.success) {
    const issue = result.error.issues[0]!
    const member = issue.path.join('.') || 'the file'
    throw new UserError(`profile '${where}' is wrong at ${member}: ${issue.message}`)
  }
  const { tables } = result.data
  const twice = tables.find((table, i) => tables.findIndex((other) => other.kernel === table.kernel) !== i)
  if (twice !== undefined)
    throw new UserError(`profile '${where}' has two tables for '${twice.kernel}'; one is allowed`)
  return result.data
}
