import path from 'node:path'
import { createCostModel } from '../../hardware-profiles/cost-model.ts'
import type { Profile, ProfileValidation } from '../../hardware-profiles/profile.ts'
import { readCsv } from './csv.ts'
import { summarise } from './operators.ts'
import { autoencoder } from './reference-nets.ts'

/**
 * The one network of MicroNets' Table 4 whose structure is published exactly (the MLPerf Tiny autoencoder), on the board
 * itself, under the TFLM of 2020. Empty for boards that are not in the table.
 */
export function validateMicroNets(data: string, profile: Profile): readonly ProfileValidation[] {
  const row = readCsv(path.join(data, 'hardware', 'micronets_table4.csv')).find(
    ({ model, device }) => model === 'AD-baseline' && profile.title.startsWith(device!),
  )
  if (row === undefined) return []
  const costs = createCostModel(profile).price(autoencoder())
  const compare = (
    quantity: ProfileValidation['quantity'],
    measured: number,
    predicted: number,
    unit: string,
  ): ProfileValidation => ({
    name: 'autoencoder of MicroNets Table 4 on this board',
    quantity,
    method: 'nothing was fitted on it, except that its power is one of the five behind the active power',
    ...summarise([predicted / measured - 1]),
    models: [{ model: 'AD-baseline', measured, predicted: Number(predicted.toPrecision(4)), unit }],
  })
  return [
    compare('latency', Number(row['latency_s']) * 1000, costs.latencyMs, 'ms'),
    compare('energy', Number(row['energy_mJ']), costs.energyMj, 'mJ'),
    compare('flash', Number(row['binary_KB']), costs.flashBytes / 1024, 'KiB'),
  ]
}
