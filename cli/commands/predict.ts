import type { Argv } from 'yargs'
import { defineCommand, withJson } from './shared.ts'

export const predictCommand = defineCommand({
  command: 'predict [model]',
  describe: 'Price a model file on devices: latency, energy, RAM and flash, in total and per layer',
  builder: (yargs: Argv) =>
    withJson(yargs)
      .positional('model', {
        type: 'string',
        describe: 'A .tflite or .onnx file, or the architecture.json of frugal export',
      })
      .option('device', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Device ids or profile files, separated by commas, or all',
      })
      .option('operating', {
        type: 'string',
        describe: 'Operating point (clock, voltage) of the device, such as 650mv',
      })
      .option('duty', {
        type: 'string',
        describe: 'Also the energy of an hour with one inference every PERIOD, idle in between, such as 10s',
      })
      .option('input-shape', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Shape of an input whose lengths the file leaves open: 1x3x224x224, or NAME=1x3x224x224',
      })
      .option('per-layer', { type: 'boolean', default: false, describe: 'List every kernel' })
      .option('memory-map', { type: 'boolean', default: false, describe: 'List every buffer of the arena' })
      .option('best-order', {
        type: 'boolean',
        default: false,
        describe: 'Also RAM with the kernels in the order that needs least',
      })
      .example('$0 predict model.tflite --device stm32f446-tflm-cmsisnn', '')
      .example('$0 predict model.onnx --device all', 'Compare all devices')
      .example('$0 predict model.tflite --device gap9-ne16 --operating 650mv --duty 10s', 'An hour at a lower voltage')
      .example('$0 predict model.tflite --device titan-rtx --per-layer --json', 'One JSON object a device'),
  handler: async (args) =>
    (await import('../actions/predict.ts')).predict({
      ...args,
      inputShape: args['input-shape'],
      perLayer: args['per-layer'],
      memoryMap: args['memory-map'],
      bestOrder: args['best-order'],
    }),
})
