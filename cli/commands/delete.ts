import type { Argv } from 'yargs'
import { UserError } from '../../lib/errors.ts'
import { defineCommand, withDatabase, withJson } from './shared.ts'

export const deleteCommand = defineCommand({
  command: 'delete <ids..>',
  describe: 'Delete experiments from a database; what their networks measured stays for other searches',
  builder: (yargs: Argv) =>
    withJson(withDatabase(yargs))
      .positional('ids', { type: 'number', array: true, demandOption: true, describe: 'Experiment ids' })
      .option('yes', { type: 'boolean', default: false, describe: 'Delete; without it only say what would go' })
      .check(({ ids }) => {
        if (ids.every((id) => Number.isSafeInteger(id) && id >= 1)) return true
        throw new UserError('the id of an experiment is a whole number such as 3: frugal list shows them')
      }, false)
      .example('$0 delete 3', 'What would be deleted')
      .example('$0 delete 3 4 --yes', ''),
  handler: async (args) => (await import('../actions/delete.ts')).deleteExperiments(args),
})
