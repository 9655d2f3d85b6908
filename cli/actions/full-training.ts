import type { Dataset } from '../../evaluators/datasets/dataset.ts'
import type { Recipe } from '../../evaluators/training/engine.ts'
import { fittingBatchSize, loadRecipe } from '../../evaluators/training/recipe.ts'
import { defaultPatience, type TrainingJob } from '../../export/train/training-job.ts'
import { numberWithin, wholeNumber } from '../commands/shared.ts'
import type { FullTrainingArguments } from '../commands/training-options.ts'
import { checkTeacherFlags } from './teacher.ts'

/** A full training is this many times as long as the search's, unless told otherwise. */
export const FULL_EPOCHS_FACTOR = 4

/** Checks the flags that need nothing else. @throws UserError naming the flag. */
export function checkTrainingFlags(args: FullTrainingArguments): void {
  if (args.epochs !== undefined) wholeNumber(args.epochs, '--epochs', 1, 100_000)
  if (args.patience !== undefined) wholeNumber(args.patience, '--patience', 0, 100_000)
  if (args['batch-size'] !== undefined) wholeNumber(args['batch-size'], '--batch-size', 1, 4096)
  if (args['learning-rate'] !== undefined) numberWithin(args['learning-rate'], '--learning-rate', 0, 10)
  if (args.recipe !== undefined) loadRecipe(args.recipe)
  checkTeacherFlags(args)
}

/** What the flags make of the usual recipe and length. */
export function trainingPlan(
  args: FullTrainingArguments,
  usual: { readonly recipe: Recipe; readonly epochs: number },
  dataset: Dataset,
): Pick<TrainingJob, 'recipe' | 'epochs' | 'patience'> {
  // Its own teacher comes with --teacher: the search's need not be there any more.
  const { distillation: _, ...base } = args.recipe === undefined ? usual.recipe : loadRecipe(args.recipe)
  const epochs = args.epochs ?? usual.epochs
  return {
    recipe: {
      ...base,
      batchSize: args['batch-size'] ?? fittingBatchSize(base.batchSize, dataset.splits.train.length),
      ...(args['learning-rate'] === undefined ? {} : { learningRate: args['learning-rate'] }),
    },
    epochs,
    patience: args.patience ?? defaultPatience(epochs),
  }
}
