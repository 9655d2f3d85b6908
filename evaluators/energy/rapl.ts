import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { EnergyCounter } from './counter.ts'

export const POWERCAP_FOLDER = '/sys/class/powercap'

/** A counter of one part of the processor, in microjoules; it starts again from 0 after `range`. */
interface Domain {
  readonly name: string
  readonly file: string
  readonly range: number
  last: number
}

/**
 * The energy counters of x86 processors (RAPL) as Linux shows them: packages, and the memory beside them where it has a
 * counter of its own. They count everything that runs on the machine. They wrap around: read them at least once a minute.
 * @returns undefined where there are none or where they are not readable (often only for the administrator).
 */
export function openRapl(folder: string = POWERCAP_FOLDER): EnergyCounter | undefined {
  const domains = domainNames(folder).flatMap((name) => openDomain(path.join(folder, name)) ?? [])
  if (!domains.some(({ name }) => name.startsWith('package'))) return undefined
  let microjoules = 0
  return {
    source: `RAPL (${domains.map(({ name }) => name).join(', ')})`,
    measured: true,
    joules() {
      for (const domain of domains) {
        const now = readNumber(domain.file)
        if (now === undefined) continue
        microjoules += now >= domain.last ? now - domain.last : now + domain.range - domain.last
        domain.last = now
      }
      return microjoules / 1e6
    },
    close: () => undefined,
  }
}

function domainNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^intel-rapl:\d+(:\d+)?$/.test(name))
      .sort()
  } catch {
    return []
  }
}

/** Cores and graphics are inside their package, and `psys` holds the packages: only packages and memory are summed. */
function openDomain(folder: string): Domain | undefined {
  const name = readText(path.join(folder, 'name'))
  if (name === undefined || !(name.startsWith('package') || name === 'dram')) return undefined
  const file = path.join(folder, 'energy_uj')
  const last = readNumber(file)
  const range = readNumber(path.join(folder, 'max_energy_range_uj'))
  return last === undefined || range === undefined ? undefined : { name, file, range, last }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

function readNumber(file: string): number | undefined {
  const text = readText(file)
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
