import type { Argv } from 'yargs'
import { CREW_OPTIONS, ENERGY_OPTIONS, type ResumeArguments } from '../search-options.ts'
import { defineCommand, withExperiment, withJson } from './shared.ts'

export const resumeCommand = defineCommand<ResumeArguments>({
  command: 'resume [id]',
  describe: 'Continue a search that was stopped or killed; the front is the same as without the stop',
  builder: (yargs: Argv) =>
    withJson(withExperiment(yargs))
      .options(CREW_OPTIONS)
      .options(ENERGY_OPTIONS)
      .option('data', { type: 'string', describe: 'Where the data set is now, if it was moved', group: 'Task:' })
      .example('$0 resume', 'Continue the latest search where it stopped')
      .example('$0 resume 3 --db lab.db', '')
      .example('$0 resume --data ./mnist', 'On another machine, where the data lie elsewhere'),
  handler: async (args) => (await import('../actions/search.ts')).resume(args),
})
