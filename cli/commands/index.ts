import { benchCommand } from './bench.ts'
import { compareCommand } from './compare.ts'
import { completionCommand } from './completion.ts'
import { convertCommand } from './convert.ts'
import { deleteCommand } from './delete.ts'
import { devicesCommand } from './devices.ts'
import { doctorCommand } from './doctor.ts'
import { exportCommand } from './export.ts'
import { frontCommand } from './front.ts'
import { importanceCommand } from './importance.ts'
import { listCommand } from './list.ts'
import { predictCommand } from './predict.ts'
import { resumeCommand } from './resume.ts'
import { searchCommand } from './search.ts'
import type { Command } from './shared.ts'
import { spacesCommand } from './spaces.ts'
import { statusCommand } from './status.ts'
import { trainCommand } from './train.ts'
import { trialsCommand } from './trials.ts'

/** Every command, in the order of the help text. Their heavy parts load when they run. */
export const COMMANDS: readonly Command[] = [
  searchCommand,
  resumeCommand,
  statusCommand,
  listCommand,
  deleteCommand,
  frontCommand,
  trialsCommand,
  compareCommand,
  importanceCommand,
  trainCommand,
  exportCommand,
  convertCommand,
  predictCommand,
  devicesCommand,
  spacesCommand,
  benchCommand,
  doctorCommand,
  completionCommand,
]
