import { engineName, loadEngine } from '../../evaluators/training/engines.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { looksLikePath, ownCodeDigest } from '../../lib/discover.ts'
import { UserError } from '../../lib/errors.ts'
import { loadAlgorithm } from '../../search/discover.ts'
import { isDeclaredSpace } from '../../spaces/declared/load.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { SearchSettings } from './settings.ts'

const shortDigest = (file: string): string => ownCodeDigest(file).slice(0, 16)

/**
 * What decides figures beyond the settings: the space's version, the profiles' content, the engine's version, and what
 * stands in files of the user's own.
 * @throws UserError for unknown or damaged profiles, spaces, algorithms and engines.
 */
export async function fingerprintsOf(
  names: Pick<SearchSettings, 'space' | 'devices' | 'algorithm' | 'engine' | 'provider'>,
): Promise<SearchSettings['fingerprints']> {
  const space = await loadSpace(names.space)
  await loadAlgorithm(names.algorithm)
  const engine = await loadEngine(engineName(names))
  const isCode = looksLikePath(names.space) && !isDeclaredSpace(names.space)
  return {
    space: `${space.id}@${space.version}`,
    devices: names.devices.map((name) => sha256Hex(canonicalJson(loadProfile(name))).slice(0, 16)),
    evaluator: `${engineName(names)}@${engine.version}`,
    ...(isCode ? { spaceCode: shortDigest(names.space) } : {}),
    ...(looksLikePath(names.algorithm) ? { algorithmCode: shortDigest(names.algorithm) } : {}),
  }
}

/** @throws UserError when something a search depends on has changed since it began: its figures would not fit together. */
export function checkFingerprints(
  settings: SearchSettings,
  now: SearchSettings['fingerprints'],
  experiment: number,
): void {
  const { fingerprints: then } = settings
  const changed = settings.devices.find((_, i) => then.devices[i] !== now.devices[i])
  const what =
    then.space !== now.space
      ? `the space '${settings.space}' is ${now.space} now and was ${then.space}`
      : then.evaluator !== now.evaluator
        ? `the training engine is ${now.evaluator} now and was ${then.evaluator}`
        : changed !== undefined
          ? `the profile of '${changed}' has changed`
          : isOther(then.algorithmCode, now.algorithmCode)
            ? `the algorithm file '${settings.algorithm}' is not what it was`
            : undefined
  if (what !== undefined) {
    throw new UserError(
      `experiment ${experiment} cannot go on: ${what}; resume it with what it began with, or start a new search`,
    )
  }
}

/** A search from before codes were recorded has none, and goes on. */
const isOther = (then: string | undefined, now: string | undefined): boolean => then !== undefined && then !== now

/**
 * A space in code says itself, by its version, whether genomes mean what they meant: an edit that leaves the version is no
 * reason to refuse, and one to tell.
 */
export function editedSpaceNote(settings: SearchSettings, now: SearchSettings['fingerprints']): string | undefined {
  if (!isOther(settings.fingerprints.spaceCode, now.spaceCode)) return undefined
  return `the file of the space '${settings.space}' has changed since the search began, its version (${now.space}) has not: right if every genome decodes to the same network as before`
}
