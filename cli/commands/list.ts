import type { Argv } from 'yargs'
import { defineCommand, withDatabase, withJson } from './shared.ts'

export const listCommand = defineCommand({
  command: 'list',
  describe: 'List the experiments of a database',
  builder: (yargs: Argv) => withJson(withDatabase(yargs)).example('$0 list --db lab.db', ''),
  handler: async (args) => (await import('../actions/inspect.ts')).list(args),
})
