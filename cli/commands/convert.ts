import type { Argv } from 'yargs'
import { defineCommand } from './shared.ts'

export const convertCommand = defineCommand({
  command: 'convert [model]',
  describe: 'Write an int8 .tflite file of any origin as TFLite, ONNX and C, verified by running them',
  builder: (yargs: Argv) =>
    yargs
      .positional('model', { type: 'string', describe: 'A .tflite file in int8 (full integer quantisation)' })
      .option('format', {
        type: 'string',
        default: 'tflite,onnx-int8,c',
        describe: 'Formats with commas between: tflite, onnx-int8, onnx-integer, c',
      })
      .option('out', { type: 'string', default: 'frugal-convert', describe: 'Folder to write to' })
      .option('verify', {
        type: 'boolean',
        default: true,
        describe: 'Run every file on random samples and compare; --no-verify writes them unseen',
      })
      .option('name', { type: 'string', default: 'model', describe: 'What the C functions are called' })
      .example('$0 convert kws_ref_model.tflite --out ./kws', '')
      .example('$0 convert model.tflite --format c --name detector', 'C only; functions are called detector_…'),
  handler: async (args) => (await import('../actions/convert.ts')).convert(args),
})
