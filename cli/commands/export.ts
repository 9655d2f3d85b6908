import type { Argv } from 'yargs'
import { ENERGY_OPTIONS } from '../search-options.ts'
import { defineCommand, withExperiment, withJson } from './shared.ts'
import { withFullTraining } from './training-options.ts'

export const exportCommand = defineCommand({
  command: 'export [id]',
  describe:
    'Train the best network of a device further and write it as ONNX, TFLite and C, verified, with a model card',
  builder: (yargs: Argv) =>
    withFullTraining(withJson(withExperiment(yargs)))
      .option('device', { type: 'string', describe: 'Device (default: the first of the experiment)' })
      .option('out', { type: 'string', default: 'frugal-export', describe: 'Folder to write to' })
      .option('knee', {
        type: 'boolean',
        default: false,
        describe: 'Export the knee of the front: the balanced network (frugal front --knee)',
      })
      .option('trial', {
        type: 'number',
        describe: 'Export this trial (default: best accuracy on the front, then lowest latency)',
      })
      .option('format', {
        type: 'string',
        describe:
          'Formats with commas between: onnx, onnx-float16, onnx-int8, onnx-integer, tflite, tflite-float16, tflite-float32, c (default: onnx; for GPUs onnx-float16 too, for NPUs tflite, for Cortex-M tflite and c)',
      })
      .option('all', { type: 'boolean', default: false, describe: 'One folder for each device of the experiment' })
      .option('verify', {
        type: 'boolean',
        default: true,
        describe: 'Run every file and compare; --no-verify writes them unseen',
      })
      .option('weights', {
        type: 'string',
        describe: 'Folder that frugal train filled: export these weights instead of training',
      })
      .option('duty', {
        type: 'string',
        default: '10s',
        describe: 'One inference every PERIOD, for the energy of a day on the card',
      })
      .option('carbon-intensity', { ...ENERGY_OPTIONS['carbon-intensity'], group: undefined })
      .option('prune', {
        type: 'number',
        describe: 'Take away this share of the channels, such as 0.3, and train on before exporting',
      })
      .option('qat', {
        type: 'string',
        default: 'auto',
        describe:
          'Quantisation-aware fine-tuning: auto (where quantising costs more than a point of validation accuracy), always or never; 4-bit weights learn in 4 bits',
      })
      .option('weights-bits', {
        type: 'string',
        default: '8',
        describe:
          'Bits of the quantised weights: 8; 4 for all layers but the first and the last; or mixed: 4 for the layers that together cost at most a point of validation accuracy',
      })
      .group(['prune', 'qat', 'weights-bits'], 'Compression:')
      .option('name', { type: 'string', default: 'model', describe: 'What the C functions are called' })
      .option('data', { type: 'string', describe: 'Where the data set is now, if it was moved' })
      .example('$0 export --device stm32f446-tflm-cmsisnn --out ./model', '')
      .example('$0 export --all --out ./models', '')
      .example('$0 export --out ./model --json', 'One JSON object at the end, messages to standard error')
      .example('$0 export 3 --device titan-rtx --trial 17 --epochs 30', ''),
  handler: async (args) => (await import('../actions/export.ts')).exportNetwork(args),
})
