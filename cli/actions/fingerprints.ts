import { engineName, loadEngine } from '../../evaluators/training/engines.ts'
import { loadProfile } from '../../hardware-profiles/index.ts'
import { canonicalJson, sha256Hex } from '../../lib/canonical-json.ts'
import { UserError } from '../../lib/errors.ts'
import { loadSpace } from '../../spaces/discover.ts'
import type { SearchSettings } from './settings.ts'

/**
 * What decides figures beyond the settings: the space's version, the profiles' content, the engine's version.
 * @throws UserError for unknown or damaged profiles, spaces and engines.
 */
export async function fingerprintsOf(
  names: Pick<SearchSettings, 'space' | 'devices' | 'engine' | 'provider'>,
): Promise<SearchSettings['fingerprints']> {
  const space = await loadSpace(names.space)
  const engine = await loadEngine(engineName(names))
  return {
    space: `${space.id}@${space.version}`,
    devices: names.devices.map((name) => sha256Hex(canonicalJson(loadProfile(name))).slice(0, 16)),
    evaluator: `${engineName(names)}@${engine.version}`,
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
        : changed === undefined
          ? undefined
          : `the profile of '${changed}' has changed`
  if (what !== undefined) {
    throw new UserError(
      `experiment ${experiment} cannot go on: ${what}; resume it with what it began with, or start a new search`,
    )
  }
}
