import type { Argv } from 'yargs'
import { defineCommand, withDatabase, withJson } from './shared.ts'
import { withFullTraining } from './training-options.ts'

export const trainCommand = defineCommand({
  command: 'train [network]',
  describe: 'Train one network fully: an architecture.json, or a trial of an experiment',
  builder: (yargs: Argv) =>
    withFullTraining(withJson(withDatabase(yargs)))
      .positional('network', {
        type: 'string',
        describe: 'An architecture.json; with --trial the id of the experiment (the latest one when left out)',
      })
      .option('trial', { type: 'number', describe: 'Train the network of this trial' })
      .option('data', {
        type: 'string',
        describe:
          'Data set: a folder or file, or "builtin" (default: builtin; for a trial where its experiment had them)',
      })
      .option('seed', {
        type: 'number',
        describe: 'Same seed and settings, same weights (default: 1; a trial has its own)',
      })
      .option('engine', { type: 'string', describe: 'onnxruntime, tensorflow or auto' })
      .option('provider', { type: 'string', describe: 'Where onnxruntime computes: cpu, cuda or webgpu' })
      .option('out', { type: 'string', default: 'frugal-training', describe: 'Folder to write to, and to go on in' })
      .example('$0 train --trial 17 --epochs 60 --out ./trial-17', '')
      .example('$0 train architecture.json --data ./mnist --recipe long --epochs 40', ''),
  handler: async (args) => (await import('../actions/train.ts')).train(args),
})
