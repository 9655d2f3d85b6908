import type { Argv } from 'yargs'
import { defineCommand, withExperiment, withJson } from './shared.ts'

export const frontCommand = defineCommand({
  command: 'front [id]',
  describe: 'Show the front of a device: a plot and a table, JSON, CSV or SVG',
  builder: (yargs: Argv) =>
    withJson(withExperiment(yargs))
      .option('device', { type: 'string', describe: 'Device (default: the first of the experiment)' })
      .option('csv', { type: 'boolean', default: false, describe: 'Print CSV' })
      .option('svg', { type: 'string', describe: 'Write a picture to this file' })
      .option('knee', {
        type: 'boolean',
        default: false,
        describe:
          'Only the knee: the balanced network, from which a little more accuracy costs much and less cost loses much',
      })
      .option('x', {
        type: 'string',
        describe:
          'Cost on the horizontal axis of plots: latency, energy, … (default: the first objective after accuracy)',
      })
      .example('$0 front --device titan-rtx', 'Plot and table of the latest experiment')
      .example('$0 front --knee', 'One balanced network')
      .example('$0 front 3 --device stm32f446-tflm-cmsisnn --svg front.svg', ''),
  handler: async (args) => (await import('../actions/inspect.ts')).front(args),
})
