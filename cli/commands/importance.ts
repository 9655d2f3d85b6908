import type { Argv } from 'yargs'
import { defineCommand, withExperiment, withJson } from './shared.ts'

export const importanceCommand = defineCommand({
  command: 'importance [id]',
  describe: 'Which genes move the accuracy and the costs, and which way',
  builder: (yargs: Argv) =>
    withJson(withExperiment(yargs))
      .option('device', { type: 'string', describe: 'Device (default: the first of the experiment)' })
      .option('samples', { type: 'number', default: 2000, describe: 'Random networks that are priced' })
      .option('genes', { type: 'number', default: 12, describe: 'Genes shown, the most important first' })
      .option('x', {
        type: 'string',
        describe: 'Cost in the picture: latency, energy, … (default: the first objective after accuracy)',
      })
      .option('svg', { type: 'string', describe: 'Write a picture to this file' })
      .option('data', { type: 'string', describe: 'Where the data set is now, if it was moved' })
      .example('$0 importance --device titan-rtx', 'The latest experiment')
      .example('$0 importance 3 --x energy --svg importance.svg', ''),
  handler: async (args) => (await import('../actions/importance.ts')).importance(args),
})
