import type { Argv } from 'yargs'
import { ENERGY_OPTIONS, NETS_PER_STEP, type ResumeArguments } from '../search-options.ts'
import { defineCommand, withExperiment, withJson } from './shared.ts'

export const resumeCommand = defineCommand<ResumeArguments>({
  command: 'resume [id]',
  describe: 'Continue a search that was stopped or killed; the front is the same as without the stop',
  builder: (yargs: Argv) =>
    withJson(withExperiment(yargs))
      .option('workers', { type: 'number', describe: 'Threads that train (default: one per core, one on a GPU)' })
      .option('nets-per-step', NETS_PER_STEP)
      .options(ENERGY_OPTIONS)
      .example('$0 resume', 'Continue the latest search where it stopped')
      .example('$0 resume 3 --db lab.db', ''),
  handler: async (args) => (await import('../actions/search.ts')).resume(args),
})
