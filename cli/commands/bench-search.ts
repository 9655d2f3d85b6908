import type { Argv } from 'yargs'
import { defineCommand, withJson } from './shared.ts'

export const benchSearchCommand = defineCommand({
  command: 'search',
  describe: 'How close search algorithms come to the true front of a table of measured networks',
  builder: (yargs: Argv) =>
    withJson(yargs)
      .option('table', { type: 'string', demandOption: true, describe: 'CSV file, gzip-compressed or not' })
      .option('genes', { type: 'string', describe: 'Columns that are genes, separated by commas' })
      .option('gene-digits', { type: 'string', describe: 'Columns of digit strings, each digit a gene' })
      .option('ordinal', {
        type: 'string',
        describe: 'Gene columns with choices in order of size (default: numeric ones with more than two choices)',
      })
      .option('categorical', {
        type: 'string',
        describe: 'Gene columns with choices in no order (default: the others)',
      })
      .option('same', {
        type: 'string',
        describe: 'Column in which rows agree that are one network, to be evaluated once',
      })
      .option('lenient', {
        type: 'boolean',
        default: false,
        describe: 'Pass over rows without a figure; take the mean of rows with the same genes',
      })
      .option('accuracy', {
        type: 'string',
        describe: 'Column that searches see: percents or shares; COLUMN:max for a score of another unit',
      })
      .option('error', {
        type: 'string',
        describe: 'Instead of --accuracy, a column of which less is better, of any unit: error, loss, perplexity',
      })
      .option('ladder', {
        type: 'string',
        describe:
          'Instead of --accuracy, columns of ever longer trainings with the epochs of each, such as ' +
          'val_12ep@12,test_200ep@200: searches on the last one are compared with searches in stages',
      })
      .option('reduction', {
        type: 'number',
        default: 5,
        describe: 'With --ladder: one in so many networks goes on to the next stage',
      })
      .option('begin', {
        type: 'number',
        default: 1.5,
        describe: 'With --ladder: networks begun in stages for each one that is trained fully in the comparison',
      })
      .option('promotion', {
        choices: ['asynchronous', 'synchronous'] as const,
        default: 'synchronous' as const,
        describe: 'With --ladder: networks go on as results come, or when a stage is complete',
      })
      .option('score-accuracy', {
        type: 'string',
        describe: 'Column that counts in the end (default: the one searches see)',
      })
      .option('cost', {
        type: 'string',
        array: true,
        nargs: 1,
        demandOption: true,
        describe:
          'Columns to minimise beside the error, or COLUMN:max to maximise (throughput), separated by commas; repeat ' +
          'for several devices',
      })
      .option('together', {
        type: 'boolean',
        default: false,
        describe: 'One search serves all devices, one front each (default: searches of its own for each)',
      })
      .option('algorithm', {
        type: 'string',
        default: 'random,nsga2,frugal',
        describe: 'Algorithms, separated by commas: ids or files',
      })
      .option('evaluations', {
        type: 'string',
        describe: 'Networks trained after which searches are scored (default: 50,100,200,500 as far as the table goes)',
      })
      .option('seeds', { type: 'number', default: 30, describe: 'Searches of each algorithm' })
      .option('first-seed', { type: 'number', default: 0, describe: 'Seeds count from here' })
      .option('normalisation', {
        choices: ['roi', 'full'] as const,
        default: 'roi' as const,
        describe: 'Box of the hypervolume: region of interest, or the whole range of the table',
      })
      .option('error-limit', {
        type: 'number',
        describe:
          'Error in %, or in the unit of --error, that bounds the region of interest (default: that of 85 % of the ' +
          'networks, two digits)',
      })
      .option('limit', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'COLUMN=VALUE,…: costs within which the best error is compared; repeat for several (default: three)',
      })
      .option('hide-costs', {
        type: 'boolean',
        default: false,
        describe: 'Algorithms learn the costs of a network only with its error',
      })
      .option('look-ahead', {
        type: 'number',
        default: 1,
        describe: 'Networks asked for before the first of them is told, as in a search that trains several at a time',
      })
      .option('population', { type: 'number', default: 20, describe: 'Population of evolutionary algorithms' })
      .option('workers', { type: 'number', describe: 'Searches at the same time (default: one per core)' })
      .example(
        '$0 bench search --table nb201.csv.gz --gene-digits ops --accuracy c10_test_200ep --cost raspi4_latency_ms',
        '',
      )
      .example(
        '$0 bench search --table nb201.csv.gz --gene-digits ops --ladder c10_val_12ep@12,c10_test_200ep@200 --cost raspi4_latency_ms',
        'What searching in stages saves and costs',
      ),
  handler: async (args) => (await import('../actions/bench-search.ts')).benchSearch(args),
})
