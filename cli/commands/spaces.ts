import type { Argv } from 'yargs'
import { defineCommand, withJson } from './shared.ts'

export const spacesCommand = defineCommand({
  command: 'spaces [action] [id]',
  describe: 'List the search spaces, or show the genes of one',
  builder: (yargs: Argv) =>
    withJson(yargs)
      .positional('action', { type: 'string', choices: ['show'] as const, describe: 'Show one space' })
      .positional('id', { type: 'string', describe: 'Space id, or a file' })
      .option('input', {
        type: 'string',
        default: '32x32x3',
        describe: 'Shape of a sample, which some genes depend on',
      })
      .option('classes', { type: 'number', default: 10, describe: 'Number of classes' })
      .example('$0 spaces', '')
      .example('$0 spaces show moe --input 49x10x1 --classes 12', ''),
  handler: async (args) => (await import('../actions/spaces-list.ts')).spaces(args),
})
