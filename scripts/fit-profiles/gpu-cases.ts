import path from 'node:path'
import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { nasBench201 } from '../../hardware-profiles/cases/nas-nets.ts'
import { type CsvRow, readCsv } from './csv.ts'
import { type Case, withoutDrift } from './gpu-launch.ts'

export const FOLDS = 5

/** Every n-th architecture: thousands of near-equal networks add nothing to six coefficients. */
const every = <T>(items: readonly T[], n: number): readonly T[] => items.filter((_, i) => i % n === 0)

const MNASNET_STAGES = [0, 1, 2, 3, 4, 5, 6] as const
const mnasnetName = (row: CsvRow): string =>
  `mnasnet ${MNASNET_STAGES.map((at) => ['e', 'k', 'l', 'se'].map((gene) => row[`block${at}_${gene}`]).join('')).join('')}`

/** Networks with the time that GPUs took for them, by table and setting; µs of one sample. */
export function readCases(data: string) {
  const folder = path.join(data, 'nas-benchmarks')
  const cases = (
    rows: readonly CsvRow[],
    nameOf: (row: CsvRow) => string,
    column: string,
    family: (row: CsvRow, i: number) => number,
  ): Case[] =>
    rows.map((row, i) => ({
      name: nameOf(row),
      graph: caseNetwork(nameOf(row)),
      us: Number(row[column]) * 1000,
      fold: family(row, i),
    }))
  const inTurn = (_: CsvRow, i: number): number => i % FOLDS
  const allOfaRows = readCsv(path.join(folder, 'ofa_help_latency.csv.gz'))
  const ofaRows = every(allOfaRows, 8)
  const ofaName = (row: CsvRow): string => `ofa ${row['ks']} ${row['e']} ${row['d']} ${row['r']}`
  const perSample = (column: string): Case[] =>
    cases(ofaRows, ofaName, column, inTurn).map((one) => ({ ...one, us: one.us / 64 }))
  const fbnetRows = every(readCsv(path.join(folder, 'fbnet_help_latency.csv.gz')), 10)
  const nb201Rows = every(readCsv(path.join(folder, 'nb201.csv.gz')), 40).filter(
    (row) => nasBench201(row['arch_str']!) !== undefined && !row['arch_str']!.includes('none'),
  )
  const accelRows = every(readCsv(path.join(folder, 'accel_nasbench.csv.gz')), 8)
  /** Images a second of many at once, as the time of one. */
  const perImage = (column: string): Case[] =>
    cases(accelRows, mnasnetName, column, inTurn).map((one) => ({ ...one, us: 1e9 / one.us }))
  const steady = withoutDrift(cases(allOfaRows, ofaName, 'titan_rtx_1_ms', inTurn))
  return {
    ofa: cases(ofaRows, ofaName, 'titan_rtx_1_ms', inTurn),
    // The same networks, in the same folds.
    ofaSteady: every(steady, 8).map((one, i) => ({ ...one, fold: i % FOLDS })),
    titan64: perSample('titan_rtx_64_ms'),
    v100x64: perSample('v100_64_ms'),
    a100: perImage('throughput_a100_img_per_s'),
    rtx3090: perImage('throughput_3090_img_per_s').filter(({ us }) => Number.isFinite(us)),
    fbnet2080: cases(fbnetRows, (row) => `fbnet ${row['ops']}`, '2080ti_1_ms', inTurn),
    fbnetTitan: cases(fbnetRows, (row) => `fbnet ${row['ops']}`, 'titan_rtx_1_ms', inTurn),
    nb201: cases(nb201Rows, (row) => `nasBench201 ${row['arch_str']}`, 'titan_rtx_1_latency_ms', inTurn),
  }
}
