import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { DISTILLATION_DEFAULTS, distilled, withTeacher } from '../../evaluators/training/teacher.ts'
import { UserError } from '../../lib/errors.ts'
import { numberWithin } from '../commands/shared.ts'

export interface TeacherArguments {
  readonly teacher: string | undefined
  readonly 'teacher-weight': number | undefined
  readonly 'teacher-temperature': number | undefined
}

/** @throws UserError for a figure that is out of bounds, and for one without a teacher. */
export function checkTeacherFlags(args: TeacherArguments): void {
  for (const [flag, least, greatest] of [
    ['teacher-weight', 0, 1],
    ['teacher-temperature', 0, 100],
  ] as const) {
    const value = args[flag]
    if (value === undefined) continue
    if (args.teacher === undefined) throw new UserError(`--${flag} needs a teacher: give --teacher FILE.onnx too`)
    numberWithin(value, `--${flag}`, least, greatest)
  }
}

/** The recipe as the flags want it taught. @throws UserError when the teacher's file cannot be read. */
export const withTeacherFlags = (recipe: Recipe, args: TeacherArguments): Recipe =>
  args.teacher === undefined
    ? recipe
    : distilled(recipe, args.teacher, {
        weight: args['teacher-weight'] ?? DISTILLATION_DEFAULTS.weight,
        temperature: args['teacher-temperature'] ?? DISTILLATION_DEFAULTS.temperature,
      })

/**
 * The data set with the answers of the teacher that a recipe names; as it is where the recipe names none.
 * @throws UserError when the file has changed since, or does not match the data.
 */
export async function taught(dataset: Dataset, recipe: Recipe, teacher: string | undefined): Promise<Dataset> {
  if (recipe.distillation === undefined || teacher === undefined) return dataset
  const result = await withTeacher(dataset, teacher)
  if (result.teacher?.digest !== recipe.distillation.teacher) {
    throw new UserError(`the teacher '${teacher}' is not the file it was when the search began: put that file back`)
  }
  return result
}
