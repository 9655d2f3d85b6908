import { UserError } from '../../lib/errors.ts'
import type { Fidelity } from '../evaluator.ts'

/** How much a training costs: passes, data, and the size of the samples. */
export interface ProxyFidelity extends Fidelity {
  /** Share of the height and width that the network reads, 0 < r ≤ 1. */
  readonly resolution: number
}

const MEMBERS = ['epochs', 'data', 'resolution']

/**
 * Reads `epochs=2,data=0.5,resolution=0.75`; what is left out is that of `full`.
 * @throws UserError naming the flag and what is wrong.
 */
export function parseFidelity(text: string, flag: string, full: ProxyFidelity): ProxyFidelity {
  const members = new Map<string, number>()
  for (const part of text.split(',')) {
    const [name, value, ...rest] = part.split('=').map((piece) => piece.trim()) as [string, string | undefined]
    if (!MEMBERS.includes(name) || value === undefined || rest.length > 0 || members.has(name)) {
      throw new UserError(`${flag} '${text}': write epochs=2,data=0.5,resolution=0.75, each at most once`)
    }
    const number = value === '' ? Number.NaN : Number(value)
    const fits =
      name === 'epochs' ? Number.isInteger(number) && number >= 1 && number <= 10_000 : number > 0 && number <= 1
    if (!fits) {
      const wanted = name === 'epochs' ? 'a whole number from 1 to 10000' : 'a number above 0 and at most 1'
      throw new UserError(`${flag} '${text}': ${name} must be ${wanted}, not '${value}'`)
    }
    members.set(name, number)
  }
  return {
    epochs: members.get('epochs') ?? full.epochs,
    dataFraction: members.get('data') ?? full.dataFraction,
    resolution: members.get('resolution') ?? full.resolution,
  }
}

/** As `parseFidelity` reads it. */
export function fidelityText({ epochs, dataFraction, resolution }: ProxyFidelity): string {
  const parts = [`epochs=${epochs}`]
  if (dataFraction !== 1) parts.push(`data=${dataFraction}`)
  if (resolution !== 1) parts.push(`resolution=${resolution}`)
  return parts.join(',')
}

/** Cheaper trainings to try where none are named: fewer passes, less data, smaller samples, and mixtures. */
export function defaultFidelities(full: ProxyFidelity): readonly ProxyFidelity[] {
  const epochs = (share: number): number => Math.max(1, Math.round(full.epochs * share))
  const candidates: readonly ProxyFidelity[] = [
    { ...full, epochs: 1, dataFraction: full.dataFraction / 4 },
    { ...full, epochs: 1 },
    { ...full, epochs: epochs(0.2) },
    { ...full, epochs: epochs(0.4) },
    { ...full, epochs: epochs(0.4), dataFraction: full.dataFraction / 4 },
    { ...full, epochs: epochs(0.2), resolution: full.resolution * 0.75 },
  ]
  return candidates.filter(
    (candidate, i) =>
      fidelityText(candidate) !== fidelityText(full) &&
      candidates.findIndex((other) => fidelityText(other) === fidelityText(candidate)) === i,
  )
}
