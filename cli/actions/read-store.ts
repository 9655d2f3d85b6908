import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { openStore } from '../../results/sqlite/open.ts'
import type { Experiment, Store } from '../../results/store.ts'

/** Opens for reading, and closes whatever happens. */
export function reading<T>(db: string, work: (store: Store) => T): T {
  const store = openStore(db, { write: false })
  try {
    return work(store)
  } finally {
    store.close()
  }
}

/** The device asked for, or the experiment's first. @throws UserError for a device that was not searched for. */
export function deviceOf(experiment: Experiment, device: string | undefined): string {
  if (device === undefined) return experiment.devices[0]!
  if (!experiment.devices.includes(device)) {
    throw new UserError(
      `experiment ${experiment.id} has no front for it: ${unknownName('device', device, experiment.devices)}`,
    )
  }
  return device
}
