import { UserError } from '../../lib/errors.ts'
import type { Fidelity } from '../evaluator.ts'

/** How much a training costs: passes, data, and the size of the samples. */
export type ProxyFidelity = Required<Fidelity>

/** Stages of one training, first to last. */
export type Ladder = readonly ProxyFidelity[]

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

const STAGE_MARK = '>'

/**
 * Reads stages that go on from each other, `epochs=1,data=0.1>epochs=2,data=0.2`; a single one is a ladder too.
 * @throws UserError naming the flag, also where a stage uses less data than the one before.
 */
export function parseLadder(text: string, flag: string, full: ProxyFidelity): Ladder {
  const ladder = text.split(STAGE_MARK).map((stage) => parseFidelity(stage, flag, full))
  const shrinking = ladder.findIndex(({ dataFraction }, i) => i > 0 && dataFraction < ladder[i - 1]!.dataFraction)
  if (shrinking > 0) {
    throw new UserError(`${flag} '${text}': stage ${shrinking + 1} must not use less data than the one before it`)
  }
  return ladder
}

/** As `parseLadder` reads it. */
export const ladderText = (ladder: Ladder): string => ladder.map(fidelityText).join(STAGE_MARK)

/** As an evaluator wants it: what has its usual value is left out. */
export const plainFidelity = ({ epochs, dataFraction, resolution }: ProxyFidelity): Fidelity => ({
  epochs,
  dataFraction,
  ...(resolution === 1 ? {} : { resolution }),
})

/** As `parseFidelity` reads it. */
export function fidelityText({ epochs, dataFraction, resolution }: ProxyFidelity): string {
  const parts = [`epochs=${epochs}`]
  if (dataFraction !== 1) parts.push(`data=${dataFraction}`)
  if (resolution !== 1) parts.push(`resolution=${resolution}`)
  return parts.join(',')
}

/** Cheaper trainings to try where none are named: fewer passes, less data, smaller samples, and one in two stages. */
export function defaultLadders(full: ProxyFidelity): readonly Ladder[] {
  const epochs = (share: number): number => Math.max(1, Math.round(full.epochs * share))
  const quarter = { ...full, dataFraction: full.dataFraction / 4 }
  const candidates: readonly Ladder[] = [
    [{ ...quarter, epochs: 1 }],
    [{ ...full, epochs: 1 }],
    [{ ...full, epochs: epochs(0.2) }],
    [{ ...full, epochs: epochs(0.4) }],
    [
      { ...quarter, epochs: 1 },
      { ...quarter, epochs: epochs(0.4) },
    ],
    [{ ...full, epochs: epochs(0.2), resolution: full.resolution * 0.75 }],
  ]
  const texts = candidates.map(ladderText)
  return candidates.filter((_, i) => texts[i] !== fidelityText(full) && texts.indexOf(texts[i]!) === i)
}
