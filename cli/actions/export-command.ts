import { shellWord } from '../../lib/shell-word.ts'
import type { FullTrainingArguments } from '../commands/training-options.ts'
import type { DevicePlan } from './export-plan.ts'
import { databaseFlag } from './output.ts'

interface CommandArguments extends FullTrainingArguments {
  readonly db: string
  readonly knee: boolean
  readonly trial: number | undefined
  readonly format: string | undefined
  readonly qat: string
  readonly prune: number | undefined
  readonly weights: string | undefined
  readonly data: string | undefined
  readonly verify: boolean
  readonly name: string
  readonly duty: string
  readonly 'carbon-intensity'?: number | undefined
}

/** Flags that are the same for each device, with what they are where nobody writes them. */
const SHARED: readonly (readonly [flag: keyof CommandArguments, usual?: string])[] = [
  ['trial'],
  ['epochs'],
  ['patience'],
  ['recipe'],
  ['batch-size'],
  ['learning-rate'],
  ['teacher'],
  ['teacher-weight'],
  ['teacher-temperature'],
  ['weights'],
  ['prune'],
  ['qat', 'auto'],
  ['name', 'model'],
  ['duty', '10s'],
  ['carbon-intensity'],
  ['data'],
]

/**
 * The command that makes the export of one device again, in the folder that it was made in, whatever devices were exported
 * with it. `--out` is left out: the files are the same anywhere.
 */
export function exportCommand(args: CommandArguments, experiment: number, plan: DevicePlan): string {
  const words = [`frugal export ${experiment}${databaseFlag(args.db)}`, `--device ${shellWord(plan.device)}`]
  if (args.knee) words.push('--knee')
  for (const [flag, usual] of SHARED) {
    const value = args[flag]
    if (value !== undefined && value !== usual) words.push(`--${flag} ${shellWord(`${value}`)}`)
  }
  if (args.format !== undefined) words.push(`--format ${plan.formats.map(({ id }) => id).join(',')}`)
  if (plan.weightBits !== '8') words.push(`--weights-bits ${plan.weightBits}`)
  if (!args.verify) words.push('--no-verify')
  return words.join(' ')
}
