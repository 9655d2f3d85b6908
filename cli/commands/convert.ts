import type { Argv } from 'yargs'
import { defineCommand, withJson } from './shared.ts'

export const convertCommand = defineCommand({
  command: 'convert [model]',
  describe: 'Write a .tflite or float .onnx file of any origin as TFLite, ONNX and C, verified by running them',
  builder: (yargs: Argv) =>
    withJson(yargs)
      .positional('model', {
        type: 'string',
        describe: 'A .tflite or .onnx file: int8 is taken over, float is quantised or kept',
      })
      .option('format', {
        type: 'string',
        default: 'tflite,onnx-int8,c',
        describe:
          'Formats with commas between: tflite, onnx-int8, onnx-integer, c; of float networks also onnx, tflite-float32, tflite-float16',
      })
      .option('out', { type: 'string', default: 'frugal-convert', describe: 'Folder to write to' })
      .option('verify', {
        type: 'boolean',
        default: true,
        describe: 'Run every file on random samples and compare; --no-verify writes them unseen',
      })
      .option('data', {
        type: 'string',
        describe: 'Data set whose samples a float network is calibrated and compared on: a folder or file',
      })
      .option('normalise', {
        type: 'string',
        default: 'data',
        describe:
          'What a float network reads: data (less the mean, by the deviation), raw, unit (by 255) or symmetric (-1 to 1)',
      })
      .option('seed', { type: 'number', default: 1, describe: 'Of the split of the data' })
      .option('name', { type: 'string', default: 'model', describe: 'What the C functions are called' })
      .example('$0 convert kws_ref_model.tflite --out ./kws', '')
      .example('$0 convert model.tflite --format c --name detector', 'C only; functions are called detector_…'),
  handler: async (args) => (await import('../actions/convert.ts')).convert(args),
})
