import yargs, { type Argv } from 'yargs'
import { defineCommand } from './shared.ts'

/** The parser answers the script's questions itself (`--get-yargs-completions`). */
export const completionCommand = defineCommand({
  command: 'completion',
  describe: 'Print a script that completes commands and flags in bash or zsh, whichever $SHELL says',
  builder: (yargs: Argv) =>
    yargs
      .example('$0 completion >> ~/.bashrc', 'For every new bash')
      .example('source <($0 completion)', 'For this one'),
  handler: async () => void yargs().scriptName('frugal').showCompletionScript(),
})
