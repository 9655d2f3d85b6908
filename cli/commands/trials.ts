import type { Argv } from 'yargs'
import { defineCommand, withExperiment, withJson } from './shared.ts'

export const trialsCommand = defineCommand({
  command: 'trials [id]',
  describe: 'List every network that was trained, not only the front: a table, JSON or CSV',
  builder: (yargs: Argv) =>
    withJson(withExperiment(yargs))
      .option('device', {
        type: 'string',
        describe: 'Only the costs on this device (default: all of them; in a table the first)',
      })
      .option('csv', { type: 'boolean', default: false, describe: 'Print CSV, a line for each trial and device' })
      .example('$0 trials --device titan-rtx', 'A table')
      .example('$0 trials 3 --csv > trials.csv', '')
      .example('$0 trials 3 --json', 'One JSON object a trial'),
  handler: async (args) => (await import('../actions/trials.ts')).trials(args),
})
