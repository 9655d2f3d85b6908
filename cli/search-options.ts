import type { InferredOptionTypes } from 'yargs'
import { listAlgorithms } from '../search/discover.ts'

const ALGORITHMS = listAlgorithms().map(({ id }) => id)

/** Who trains is no setting of a search: a resumed one may change it. */
export const CREW_OPTIONS = {
  workers: { type: 'number', describe: 'Threads that train (default: one per core, one on a GPU)', group: 'Training:' },
  'nets-per-step': {
    type: 'number',
    describe: 'Networks that each thread trains together, one step of all in one call, for GPUs (default: 1)',
    group: 'Training:',
  },
  isolate: {
    type: 'boolean',
    describe: 'Train in processes, not threads: a crash in native code then costs one network, not the search',
    default: false,
    group: 'Training:',
  },
} as const

/** Flags about a search's energy; a resumed search may change them. */
export const ENERGY_OPTIONS = {
  'max-search-energy': {
    type: 'string',
    describe: 'Begin no training once the search has used this much, such as 20Wh; resume continues it',
    group: 'Search:',
  },
  'carbon-intensity': {
    type: 'number',
    describe: 'Grams of CO2e per kWh of your grid, such as 250, for reports',
    group: 'Search:',
  },
} as const

/** Flags of a search; units are written with the value. */
export const SEARCH_OPTIONS = {
  data: {
    type: 'string',
    describe:
      'Data set: a folder of images, sounds or CSV files by class, a CSV file, MNIST, CIFAR-10 or NumPy files, or "builtin"',
    default: 'builtin',
    group: 'Task:',
  },
  space: {
    type: 'string',
    describe: 'Search space: an id (frugal spaces), or a .ts, .js or .yaml file',
    default: 'mobilenet',
    group: 'Task:',
  },
  device: {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'Device: an id (frugal devices) or a profile file; repeat or separate by commas (default: a microcontroller, an ' +
      'NPU and a GPU)',
    group: 'Task:',
  },
  objectives: {
    type: 'string',
    describe: 'What the front trades off: accuracy and any of latency, energy, ram, flash and macs',
    default: 'accuracy,latency,energy,ram',
    group: 'Task:',
  },
  'max-latency': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Limit, such as 50ms, or DEVICE=50ms',
    group: 'Limits:',
  },
  'max-energy': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Limit per inference, such as 5mJ, or DEVICE=5mJ',
    group: 'Limits:',
  },
  'max-ram': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Limit, such as 128KB, or DEVICE=128KB',
    group: 'Limits:',
  },
  'max-flash': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Limit, such as 512KB, or DEVICE=512KB',
    group: 'Limits:',
  },
  'front-end': {
    type: 'string',
    describe:
      'With sound: what limits count of computing the spectrogram, beside the network: clip (all its frames, the default), ' +
      'stream (the last frame, where frames are computed as sound comes in) or none',
    group: 'Limits:',
  },
  algorithm: {
    type: 'string',
    describe: `Search algorithm: ${ALGORITHMS.join(', ')}, or a .ts or .js file`,
    default: 'frugal',
    group: 'Search:',
  },
  trials: {
    type: 'number',
    describe: 'Networks to train; with --ladder, networks to begin',
    default: 32,
    group: 'Search:',
  },
  population: { type: 'number', describe: 'Population of evolutionary algorithms', default: 20, group: 'Search:' },
  seed: { type: 'number', describe: 'Same seed and settings, same front', default: 1, group: 'Search:' },
  'look-ahead': {
    type: 'number',
    describe: 'Trials asked for ahead of results; at least the number of workers',
    default: 8,
    group: 'Search:',
  },
  name: { type: 'string', describe: 'A name for lists', group: 'Search:' },
  epochs: {
    type: 'number',
    describe: 'Passes over the data per network (default: by the size of the data)',
    group: 'Training:',
  },
  ladder: {
    type: 'string',
    describe:
      'Train in stages, and only the most promising networks go on: shares of the epochs, such as 1/9,1/3,1, or stages ' +
      'on top of each other, such as "epochs=1,data=0.25>epochs=5"',
    group: 'Training:',
  },
  reduction: {
    type: 'number',
    describe: 'With --ladder: one in so many networks goes on to the next stage (default: 3)',
    group: 'Training:',
  },
  promotion: {
    type: 'string',
    describe:
      'With --ladder: networks go on as results come (asynchronous, the default), or when a stage is complete ' +
      '(synchronous)',
    group: 'Training:',
  },
  inherit: {
    type: 'boolean',
    describe: 'New networks begin with the weights of the most similar good one',
    default: false,
    group: 'Training:',
  },
  'data-fraction': {
    type: 'number',
    describe: 'Share of the training data used, 0 to 1',
    default: 1,
    group: 'Training:',
  },
  recipe: {
    type: 'string',
    describe:
      'How networks are trained: default (SGD, for one to three epochs), adamw, augmented (default with light ' +
      'augmentation), long (more regularisation, for 20 epochs or more), or a JSON or YAML file',
    default: 'default',
    group: 'Training:',
  },
  teacher: {
    type: 'string',
    describe: 'ONNX file of a trained network for the same data, whose answers networks learn from beside the labels',
    group: 'Training:',
  },
  'teacher-weight': {
    type: 'number',
    describe: 'Share of the teacher’s part in the loss, above 0 to 1 (default: 0.5)',
    group: 'Training:',
  },
  'teacher-temperature': {
    type: 'number',
    describe: 'How far answers are softened, above 0 to 100 (default: 4)',
    group: 'Training:',
  },
  'batch-size': { type: 'number', describe: 'Samples per step', group: 'Training:' },
  'learning-rate': { type: 'number', describe: 'Peak of the cosine schedule', group: 'Training:' },
  engine: {
    type: 'string',
    describe: 'onnxruntime, tensorflow, or auto: tensorflow where it is installed and finds a GPU',
    default: 'auto',
    group: 'Training:',
  },
  provider: {
    type: 'string',
    describe: 'Where onnxruntime computes: cpu, cuda or webgpu',
    default: 'cpu',
    group: 'Training:',
  },
  ...CREW_OPTIONS,
  'trial-timeout': {
    type: 'string',
    describe: 'Give a network up after this long',
    default: '15min',
    group: 'Training:',
  },
  ...ENERGY_OPTIONS,
  'dry-run': {
    type: 'boolean',
    describe: 'Only check everything and show what networks of the space cost on the devices; nothing is written',
    default: false,
  },
  json: { type: 'boolean', describe: 'Print one JSON object per event', default: false },
} as const

export type SearchArguments = InferredOptionTypes<typeof SEARCH_OPTIONS> & { readonly db: string }

export interface ResumeArguments {
  readonly id: number | undefined
  readonly data: string | undefined
  readonly db: string
  readonly workers: number | undefined
  readonly 'nets-per-step': number | undefined
  readonly isolate: boolean
  readonly json: boolean
  readonly 'max-search-energy': string | undefined
  readonly 'carbon-intensity': number | undefined
}
