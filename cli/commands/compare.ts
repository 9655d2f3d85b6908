import type { Argv } from 'yargs'
import { defineCommand, withDatabase, withJson } from './shared.ts'

export const compareCommand = defineCommand({
  command: 'compare <runs..>',
  describe: 'Compare experiments: hypervolume over trials, what their runs attain, and whose front beats whose',
  builder: (yargs: Argv) =>
    withJson(withDatabase(yargs))
      .positional('runs', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Experiment ids; ids with commas between are runs of one group (seeds), NAME=ids gives it a name',
      })
      .option('device', { type: 'string', describe: 'Device (default: the first of the first experiment)' })
      .option('x', {
        type: 'string',
        describe:
          'Cost that accuracy is set against: latency, energy, … (default: the first objective of the experiments after accuracy)',
      })
      .option('over', {
        type: 'string',
        choices: ['trials', 'cpu-seconds'] as const,
        default: 'trials' as const,
        describe: 'What hypervolumes are set against; trials of a ladder cost differently much',
      })
      .option('svg', { type: 'string', describe: 'Write a picture to this file' })
      .example('$0 compare 1 2', 'Two experiments')
      .example('$0 compare frugal=1,2,3 nsga2=4,5,6 --svg compare.svg', 'Two algorithms, three seeds each'),
  handler: async (args) => (await import('../actions/compare.ts')).compare(args),
})
