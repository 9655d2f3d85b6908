import type { Argv } from 'yargs'
import { defineCommand, withJson } from './shared.ts'

export const devicesCommand = defineCommand({
  command: 'devices [action] [id]',
  describe: 'List the devices that can be searched for, or show one with its sources and errors',
  builder: (yargs: Argv) =>
    withJson(yargs)
      .positional('action', { type: 'string', choices: ['show'] as const, describe: 'Show one device' })
      .positional('id', { type: 'string', describe: 'Device id, or a profile file' })
      .example('$0 devices', '')
      .example('$0 devices show stm32f446-tflm-cmsisnn', ''),
  handler: async (args) => (await import('../actions/catalogue.ts')).devices(args),
})
