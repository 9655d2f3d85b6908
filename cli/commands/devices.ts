import type { Argv } from 'yargs'
import { isHostId } from '../../hardware-profiles/host/cache.ts'
import { UserError } from '../../lib/errors.ts'
import { defineCommand, withJson } from './shared.ts'

const ACTIONS = ['show', 'validate', 'calibrate', 'bench'] as const

type Action = (typeof ACTIONS)[number]

/** The action that a flag is for; those with a default cannot be told from flags that nobody gave. */
const ACTION_OF: Readonly<Record<string, Action>> = {
  measurements: 'calibrate',
  operators: 'calibrate',
  'clock-mhz': 'calibrate',
  base: 'calibrate',
  without: 'calibrate',
  out: 'calibrate',
  emit: 'bench',
  'emit-c': 'bench',
  run: 'bench',
}

/** @throws UserError for a flag that would be passed over. */
function checkFlags(args: Readonly<Record<string, unknown>>, action: Action | undefined): void {
  for (const [flag, owner] of Object.entries(ACTION_OF)) {
    if (args[flag] !== undefined && action !== owner) {
      throw new UserError(`--${flag} is a flag of frugal devices ${owner}: write frugal devices ${owner} --${flag} …`)
    }
  }
}

export const devicesCommand = defineCommand({
  command: 'devices [action] [id]',
  describe: 'List the devices that can be searched for; show, check or calibrate one, or measure this machine',
  builder: (yargs: Argv) =>
    withJson(yargs)
      .positional('action', { type: 'string', choices: ACTIONS, describe: 'What to do; the list when left out' })
      .positional('id', {
        type: 'string',
        describe: 'Device id, or a profile file; bench: host, host-int8 or host-uint8',
      })
      .option('measurements', { type: 'string', describe: 'calibrate: CSV file of your measurements' })
      .option('operators', { type: 'string', describe: 'calibrate: CSV file of kernels timed one by one' })
      .option('clock-mhz', {
        type: 'number',
        describe: "calibrate: the device's clock, where --operators gives cycles",
      })
      .option('base', { type: 'string', describe: 'calibrate: the device to start from; the nearest when left out' })
      .option('without', {
        type: 'string',
        describe: 'calibrate: known devices to take as unknown, to check the method on one of them: raspi4,pixel3',
      })
      .option('out', { type: 'string', describe: 'calibrate: profile file to write' })
      .option('emit', { type: 'string', describe: 'bench: folder to write the micro-benchmarks to' })
      .option('space', {
        type: 'string',
        default: 'mobilenet',
        describe: 'bench --emit: the space to take networks from',
      })
      .option('networks', {
        type: 'number',
        default: 20,
        describe: 'bench --emit: how many, those that tell most first',
      })
      .option('emit-c', {
        type: 'string',
        describe: 'bench: folder to write C programs to that time kernels on a Cortex-M',
      })
      .option('run', { type: 'string', choices: ['host'] as const, describe: 'bench: measure this machine' })
      .example('$0 devices', '')
      .example('$0 devices show stm32f446-tflm-cmsisnn', '')
      .example('$0 devices validate stm32h747-xcubeai8', '')
      .example('$0 devices calibrate --measurements mine.csv --out my.profile.json', '')
      .example('$0 devices bench --emit-c bench', 'C programs that print the cycles of every kernel')
      .example('$0 devices calibrate --operators mine.csv --clock-mhz 80 --out my.profile.json', '')
      .example('$0 devices bench host', "Measure this computer anew, as the device 'host'")
      .example('$0 devices bench host-int8', 'The same for int8 files of ONNX')
      .example('$0 devices bench --run host --emit bench', ''),
  handler: async (args) => {
    const { action, id } = args
    checkFlags(args, action)
    if (action === 'validate') return (await import('../actions/devices-validate.ts')).devicesValidate(args)
    if (action === 'calibrate' || action === 'bench') {
      if (action === 'bench' && id !== undefined && isHostId(id))
        return (await import('../actions/devices-bench-host.ts')).devicesBenchHost({ ...args, id })
      if (id !== undefined)
        throw new UserError(`frugal devices ${action} takes no device id: see frugal devices --help`)
      if (action === 'bench')
        return (await import('../actions/devices-bench.ts')).devicesBench({ ...args, emitC: args['emit-c'] })
      return (await import('../actions/devices-calibrate.ts')).devicesCalibrate({
        ...args,
        clockMhz: args['clock-mhz'],
      })
    }
    return (await import('../actions/devices-list.ts')).devices({ ...args, action })
  },
})
