import path from 'node:path'
import {
  CLASS_FEATURES,
  classAt,
  classesOf,
  factsOf,
  featuresOf,
} from '../../hardware-profiles/calibration/kernel-classes.ts'
import type { KnownDevicesFile } from '../../hardware-profiles/calibration/known-devices.ts'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { dot, solveNonNegative } from '../../lib/linear-systems.ts'
import { scheduleOf } from '../../network/schedule.ts'
import { readCsv } from './csv.ts'

const WIDTH = CLASS_FEATURES.length
/** Features that networks cannot tell apart share the cost; relative to what 1 % of error in each network weighs. */
const RIDGE = 4e-4
const FUSES_NOTHING = { fusedActivations: new Set<never>() }

/** Devices of the HELP tables and how they resemble each other; a setting is a device with a batch size. */
const GROUPS: Readonly<Record<string, string>> = {
  ...{
    raspi4: 'arm',
    pixel2: 'phone',
    pixel3: 'phone',
    essential_ph_1: 'phone',
    samsung_a50: 'phone',
    samsung_s7: 'phone',
  },
  ...{ eyeriss: 'accelerator', fpga: 'fpga' },
  ...{ gold_6226: 'xeon', gold_6240: 'xeon', silver_4114: 'xeon', silver_4210r: 'xeon' },
  ...{ '1080ti': 'gpu', '2080ti': 'gpu', titan_rtx: 'gpu', titanx: 'gpu', titanxp: 'gpu' },
}

/** Device of a column: its name without batch and unit. */
export const helpDevice = (column: string): { readonly device: string; readonly group: string } => {
  const name = column.replace(/(_latency)?_ms$/, '')
  const device = name in GROUPS ? name : name.replace(/_\d+$/, '')
  const group = GROUPS[device]
  if (group === undefined) throw new Error(`column ${column} names no device that is known`)
  return { device, group }
}

interface Timed {
  readonly numbers: readonly number[]
  readonly ms: Readonly<Record<string, number>>
}

/**
 * How the devices of the HELP tables cost: for each setting the coefficients of classes of kernels that give the times of
 * whole FBNet and NAS-Bench-201 networks with the least relative squares.
 */
export function fitKnownDevices(data: string): KnownDevicesFile {
  const folder = path.join(data, 'nas-benchmarks')
  const fbnet = readCsv(path.join(folder, 'fbnet_help_latency.csv.gz')).filter((_, i) => i % 8 === 0)
  const nb201 = readCsv(path.join(folder, 'nb201.csv.gz')).filter(
    (row, i) => i % 25 === 0 && !row['arch_str']!.includes('none'),
  )
  const facts = new Map<string, ReturnType<typeof factsOf>>()
  const read = (name: string, row: Readonly<Record<string, string>>) => ({
    kernels: scheduleOf(caseNetwork(name), FUSES_NOTHING).kernels.map((kernel) => {
      const one = factsOf(kernel)
      const key = Object.values(one).join()
      facts.set(key, one)
      return key
    }),
    ms: Object.fromEntries(
      Object.keys(row)
        .filter((column) => column.endsWith('_ms'))
        .map((column) => [column, Number(row[column])]),
    ),
  })
  const tables = [
    fbnet.map((row) => read(`fbnet ${row['ops']}`, row)),
    nb201.map((row) => read(`nasBench201 ${row['arch_str']}`, row)),
  ]
  const classes = classesOf([...facts.values()])
  const positions = new Map([...facts.keys()].map((key, i) => [key, i]))
  const parts = [...facts.values()].map((one) => ({ at: classAt(classes, one), features: featuresOf(one) }))
  const timed = tables.map((table) =>
    table.map(({ kernels, ms }): Timed => {
      const sums = new Array<number>(classes.length * WIDTH + 1).fill(0)
      for (const key of kernels) {
        const { at, features } = parts[positions.get(key)!]!
        features.forEach((value, i) => {
          sums[at * WIDTH + i]! += value
        })
      }
      sums[sums.length - 1] = 1
      return { numbers: sums, ms }
    }),
  )
  const columns = new Set(timed.flatMap(([first]) => Object.keys(first!.ms)))
  const devices = [...columns].map((column) => {
    const used = timed.flat().filter(({ ms }) => (ms[column] ?? 0) > 0)
    const { vector, mape } = fitOne(used, column)
    const coefficients = classes.map((_, at) => {
      const own = vector.slice(at * WIDTH, (at + 1) * WIDTH)
      return used.some(({ numbers }) => numbers[at * WIDTH]! > 0) ? own : null
    })
    const id = column.replace(/_ms$/, '')
    return { id, ...helpDevice(column), mape, onceMs: vector[vector.length - 1]!, coefficients }
  })
  return {
    format: 'frugal-known-devices/1',
    source:
      'HayeonLee/HELP: latencies of FBNet and NAS-Bench-201 networks; every class of kernels fitted to whole networks',
    classes: classes.map(({ kind, when }) => ({ kind, when: when as Record<string, [number, number]> })),
    devices,
  }
}

/** Relative least squares of one setting. */
function fitOne(used: readonly Timed[], column: string): { readonly vector: readonly number[]; readonly mape: number } {
  const width = used[0]!.numbers.length
  const relative = used.map(({ numbers, ms }) => numbers.map((value) => value / ms[column]!))
  const scale = Array.from(
    { length: width },
    (_, i) => relative.reduce((sum, row) => sum + row[i]!, 0) / relative.length || 1,
  )
  const gram = scale.map((_, i) => scale.map((__, j) => (i === j ? RIDGE : 0)))
  const target = scale.map(() => 0)
  for (const row of relative) {
    const x = row.map((value, i) => value / scale[i]!)
    x.forEach((a, i) => {
      target[i]! += a / used.length
      if (a === 0) return
      const line = gram[i]!
      for (let j = 0; j < width; j++) line[j]! += (a * x[j]!) / used.length
    })
  }
  const vector = solveNonNegative(gram, target).map((value, i) => Number((value / scale[i]!).toPrecision(5)))
  const errors = relative.map((row) => Math.abs(dot(row, vector) - 1))
  return { vector, mape: Number((errors.reduce((a, b) => a + b, 0) / errors.length).toPrecision(3)) }
}
