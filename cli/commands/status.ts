import type { Argv } from 'yargs'
import { ENERGY_OPTIONS } from '../search-options.ts'
import { defineCommand, withExperiment, withJson } from './shared.ts'

export const statusCommand = defineCommand({
  command: 'status [id]',
  describe: 'Show how far a search is, what failed and the best so far',
  builder: (yargs: Argv) =>
    withJson(withExperiment(yargs))
      .option('carbon-intensity', { ...ENERGY_OPTIONS['carbon-intensity'], group: undefined })
      .example('$0 status', 'The latest experiment')
      .example('$0 status 3 --json', ''),
  handler: async (args) => (await import('../actions/inspect.ts')).status(args),
})
