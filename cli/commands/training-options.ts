import type { Argv } from 'yargs'
import type { TeacherArguments } from '../actions/teacher.ts'
import { SEARCH_OPTIONS as TEACHING } from '../search-options.ts'

const TRAINING_FLAGS = [
  'epochs',
  'patience',
  'recipe',
  'batch-size',
  'learning-rate',
  'teacher',
  'teacher-weight',
  'teacher-temperature',
]

/** Flags that say how long and how a network is trained fully. */
export const withFullTraining = <T>(yargs: Argv<T>) =>
  yargs
    .option('epochs', {
      type: 'number',
      describe: 'Passes over the data (default: four times the search’s; without a search by the size of the data)',
    })
    .option('patience', {
      type: 'number',
      describe:
        'Stop after so many epochs without a better validation accuracy; 0: never (default: half of the epochs, at least 10)',
    })
    .option('recipe', {
      type: 'string',
      describe: 'How it is trained: default, adamw, augmented, long, or a JSON or YAML file (default: the search’s)',
    })
    .option('batch-size', { type: 'number', describe: 'Samples per step' })
    .option('learning-rate', { type: 'number', describe: 'Peak of the cosine schedule' })
    .option('teacher', {
      type: 'string',
      describe:
        'Learn from the answers of another network beside the labels: FILE.onnx, or best: that of the experiment, trained fully first',
    })
    .option('teacher-weight', { ...TEACHING['teacher-weight'], group: undefined })
    .option('teacher-temperature', { ...TEACHING['teacher-temperature'], group: undefined })
    .group(TRAINING_FLAGS, 'Training:')

export interface FullTrainingArguments extends TeacherArguments {
  readonly epochs: number | undefined
  readonly patience: number | undefined
  readonly recipe: string | undefined
  readonly 'batch-size': number | undefined
  readonly 'learning-rate': number | undefined
}
