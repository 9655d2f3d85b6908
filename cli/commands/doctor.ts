import type { Argv } from 'yargs'
import { defineCommand, withJson } from './shared.ts'

export const doctorCommand = defineCommand({
  command: 'doctor',
  describe: 'Check what this machine has: engines, GPUs, and the tools that verify and meter; says how to get the rest',
  builder: (yargs: Argv) => withJson(yargs).example('$0 doctor', '').example('$0 doctor --json', 'One JSON object'),
  handler: async (args) => (await import('../actions/doctor.ts')).doctor(args),
})
