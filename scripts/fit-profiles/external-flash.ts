import path from 'node:path'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'
import { CACHED_WEIGHTS } from './cortex-groups.ts'
import { readCsv } from './csv.ts'
import type { FittedProfile } from './fitted-profile.ts'

/** Versions of the tool that the profiles of the STM32H747I-DISCO stand for. */
const VERSIONS: Readonly<Record<string, RegExp>> = { 'stm32h747-xcubeai8': /^8\.1/, 'stm32h747-xcubeai10': /10\.0/ }

/** Two chips of four bits each at 133 MHz, the most that the controller does at one edge a cycle: 133 MB/s. */
const US_PER_BYTE = 1 / 133
/** CMSIS-NN multiplies the windows of two pixels at a time with each weight that it reads. */
const PIXELS_A_READ = 2

/** The board's own flash less the code; what lies beyond comes from the flash beside the chip. */
const streamOf = ({ flashBytes, memory }: Profile): NonNullable<Profile['weightStream']> => ({
  cacheBytes: flashBytes - memory.flash.runtimeBytes,
  usPerByte: Number(US_PER_BYTE.toPrecision(4)),
  rereads: { cachedBytes: CACHED_WEIGHTS, pixels: PIXELS_A_READ },
  error90: 1,
  provenance: {
    kind: 'derived',
    source:
      'data sheets: two Quad-SPI flashes side by side at 133 MHz; windows with weights beyond the data cache are taken to read them for every two pixels, as CMSIS-NN does. Not fitted: Tiny YOLO, the one network of its kind that was measured, checks it',
  },
})

/** Latency and RAM of Tiny YOLO v2 under one version, 10.5 MiB of weights: never fitted. */
function tinyYolos(data: string, version: RegExp): readonly NetworkSuite[] {
  const rows = readCsv(path.join(data, 'hardware', 'stm32_modelzoo.csv')).filter(
    (row) => row['model'] === 'tiny_yolo_v2' && /H747/.test(row['board']!) && version.test(row['tool_version']!),
  )
  const suite = (
    own: Pick<NetworkSuite, 'name' | 'quantity' | 'method'>,
    of: (row: Readonly<Record<string, string>>) => number,
  ): NetworkSuite => ({
    ...{ kind: 'networks', leftOut: true, folds: [], ...own },
    source: 'ST model zoo, STM32H747I-DISCO at 400 MHz: Tiny YOLO v2, parts transcribed by hand',
    cases: rows.map((row) => [`tinyYolo ${row['resolution']!.split('x')[0]}`, of(row), -1]),
  })
  return [
    suite(
      {
        ...{ name: 'weights beyond the flash', quantity: 'latency' },
        method: 'never fitted: the rate of the external flash is that of the data sheets',
      },
      (row) => Number(row['inference_ms']),
    ),
    suite(
      { name: 'Tiny YOLO', quantity: 'peakRam', method: 'never fitted; that pools take rows was found on version 8.1' },
      (row) => Math.round((Number(row['act_ram_KiB']) + Number(row['runtime_ram_KiB'])) * 1024),
    ),
  ]
}

/** Boards with the flash that lies beside their chip; the others as they are. */
export const withExternalFlash = (data: string, boards: readonly FittedProfile[]): readonly FittedProfile[] =>
  boards.map((board) => {
    const version = VERSIONS[board.profile.id]
    if (version === undefined) return board
    const profile = { ...board.profile, weightStream: streamOf(board.profile) }
    const [latency, ...others] = board.suites
    const [beyond, ram] = tinyYolos(data, version)
    return { profile, suites: [latency!, beyond!, ...others, ram!] }
  })
