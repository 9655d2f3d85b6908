import path from 'node:path'
import type { NetworkSuite } from '../../hardware-profiles/cases/cases.ts'
import type { Profile } from '../../hardware-profiles/profile.ts'
import { readCsv } from './csv.ts'

/**
 * The one network of MicroNets' Table 4 whose structure is published exactly (the MLPerf Tiny autoencoder), on the board
 * itself, under the TFLM of 2020. Empty for boards that are not in the table.
 */
export function micronetsSuites(data: string, profile: Profile): readonly NetworkSuite[] {
  const row = readCsv(path.join(data, 'hardware', 'micronets_table4.csv')).find(
    ({ model, device }) => model === 'AD-baseline' && profile.title.startsWith(device!),
  )
  if (row === undefined) return []
  const suite = (quantity: NetworkSuite['quantity'], measured: number): NetworkSuite => ({
    kind: 'networks',
    name: 'autoencoder of MicroNets',
    quantity,
    method: 'not fitted, but its power is one of the five behind the active power; latency is printed with one digit',
    source: 'MicroNets (arXiv:2010.11267) Table 4, TFLM of 2020',
    leftOut: true,
    folds: [],
    cases: [['mlperfTiny ad', measured, -1]],
  })
  return [
    suite('latency', Number(row['latency_s']) * 1000),
    suite('energy', Number(row['energy_mJ'])),
    suite('flash', Number(row['binary_KB']) * 1024),
  ]
}
