import type { Argv } from 'yargs'
import { defineCommand, withExperiment } from './shared.ts'

export const exportCommand = defineCommand({
  command: 'export [id]',
  describe: 'Train the best network of a device further and write it as ONNX with a model card',
  builder: (yargs: Argv) =>
    withExperiment(yargs)
      .option('device', { type: 'string', describe: 'Device (default: the first of the experiment)' })
      .option('out', { type: 'string', default: 'frugal-export', describe: 'Folder to write to' })
      .option('trial', {
        type: 'number',
        describe: 'Export this trial (default: best accuracy on the front, then lowest latency)',
      })
      .option('epochs', {
        type: 'number',
        describe: 'Passes over the data of the final training (default: four times the search’s)',
      })
      .option('data', { type: 'string', describe: 'Where the data set is now, if it was moved' })
      .example('$0 export --device stm32f446-tflm-cmsisnn --out ./model', '')
      .example('$0 export 3 --device titan-rtx --trial 17 --epochs 30', ''),
  handler: async (args) => (await import('../actions/export.ts')).exportNetwork(args),
})
