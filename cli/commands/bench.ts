import type { Argv } from 'yargs'
import { UserError } from '../../lib/errors.ts'
import { CREW_OPTIONS } from '../search-options.ts'
import { benchSearchCommand } from './bench-search.ts'
import { type Command, defineCommand, withJson } from './shared.ts'

const proxyCommand = defineCommand({
  command: 'proxy',
  describe: 'How well short trainings and zero-cost scores rank networks as full trainings do',
  builder: (yargs: Argv) =>
    withJson(yargs)
      .option('space', { type: 'string', default: 'mobilenet', describe: 'Search space: an id or a file' })
      .option('data', { type: 'string', default: 'builtin', describe: 'Data set: a folder or file, or "builtin"' })
      .option('networks', { type: 'number', default: 40, describe: 'Random networks that are trained' })
      .option('full', {
        type: 'string',
        default: 'epochs=10',
        describe: 'The training to be predicted: epochs=N, data=SHARE, resolution=SHARE, separated by commas',
      })
      .option('fidelities', {
        type: 'string',
        array: true,
        nargs: 1,
        describe:
          'A cheaper training, written as for --full, or stages that go on from each other, as in ' +
          '"epochs=1>epochs=2"; repeat for several (default: six of them)',
      })
      .option('inherit', {
        type: 'boolean',
        default: false,
        describe: 'Try each cheaper training with the weights of the most similar network before, too',
      })
      .option('ceiling', {
        type: 'boolean',
        default: false,
        describe: 'Train fully twice, from other weights: how far full training agrees with itself',
      })
      .option('recipe', { type: 'string', default: 'default', describe: 'How networks are trained: a name or a file' })
      .option('engine', {
        type: 'string',
        default: 'auto',
        describe: 'onnxruntime, tensorflow or auto, as in a search',
      })
      .option('provider', {
        type: 'string',
        default: 'cpu',
        describe: 'Where onnxruntime computes: cpu, cuda or webgpu',
      })
      .option('keep', {
        type: 'string',
        describe: 'Folder that keeps every measurement: a run that was interrupted or is extended goes on from it',
      })
      .option('seed', { type: 'number', default: 1, describe: 'Same seed, same networks and figures' })
      .options(CREW_OPTIONS)
      .option('trial-timeout', { type: 'string', default: '1h', describe: 'Give a network up after this long' })
      .example('$0 bench proxy --networks 8 --full epochs=4', 'A quick look on built-in data')
      .example('$0 bench proxy --data ./mnist --fidelities epochs=1 --fidelities epochs=2,data=0.5', ''),
  handler: async (args) => (await import('../actions/bench-proxy.ts')).benchProxy(args),
})

/** Benchmarks of the parts of a search, each a subcommand. */
export const BENCHMARKS: readonly Command[] = [proxyCommand, benchSearchCommand]

export const benchCommand = defineCommand({
  command: 'bench',
  describe: 'Measure how well parts of the search do their work',
  builder: (yargs: Argv) =>
    yargs
      .command([...BENCHMARKS])
      .example('$0 bench proxy --networks 8 --full epochs=4', 'Do short trainings rank networks rightly?'),
  handler: async () => {
    throw new UserError('name a benchmark: frugal bench proxy, frugal bench search')
  },
})
