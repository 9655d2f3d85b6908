import type { Argv } from 'yargs'
import { SEARCH_OPTIONS } from '../search-options.ts'
import { defineCommand, withDatabase } from './shared.ts'

export const searchCommand = defineCommand({
  command: 'search',
  describe: 'Search for networks and keep the front of each device',
  builder: (yargs: Argv) =>
    withDatabase(yargs.options(SEARCH_OPTIONS))
      .example('$0 search', 'Built-in data, three devices, a few minutes')
      .example('$0 search --data ./mnist --device stm32f446-tflm-cmsisnn --max-ram 64KB --trials 100', '')
      .example('$0 search --data ./mnist --max-ram 64KB --dry-run', 'What fits, before anything is trained')
      .example('$0 search --device a,b --max-latency a=20ms --max-latency b=1ms', 'Limits per device'),
  handler: async (args) => (await import('../actions/search.ts')).search(args),
})
