import { existsSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { ROW_LENGTH } from '../../hardware-profiles/profile.ts'
import { readCsv } from '../../scripts/fit-profiles/csv.ts'
import { efr32Profile } from '../../scripts/fit-profiles/efr32.ts'

const data = path.join(import.meta.dirname, '..', '..', '..', 'shared', 'data')
const withData = existsSync(path.join(data, 'hardware')) ? test : test.skip

withData('short dense layers take what their counters allow, whatever the coarse timer said', (t) => {
  const { profile } = efr32Profile(data)
  const { rows = [] } = profile.tables.find(({ kernel }) => kernel === 'dense')!
  const costs = new Map<string, number>()
  for (let at = 0; at < rows.length; at += ROW_LENGTH) {
    costs.set(`${rows[at + 2]}x${rows[at + 3]}`, rows[at + ROW_LENGTH - 1]!)
  }
  let checked = 0
  for (const row of readCsv(path.join(data, 'hardware', 'siliconlabs_mltk_layers.csv.gz'))) {
    if (row['op'] !== 'fully_connected' || !row['kind']!.startsWith('measured')) continue
    const [inner, outer] = [row['in_shape']!.split(',')[0]!.split('x')[1], row['out_shape']!.split('x')[1]]
    const [accelerator, cpu] = [Number(row['acc_cycles']), Number(row['cpu_cycles'])]
    const cost = costs.get(`${inner}x${outer}`)
    // Below a tick of the timer, 2,380 cycles, it says the same of all layers.
    if (cost === undefined || accelerator + cpu > 6000) continue
    checked++
    t.true(
      cost >= 0.95 * Math.max(accelerator, cpu) && cost <= 1.01 * (accelerator + cpu),
      `${inner}x${outer}: ${cost}`,
    )
  }
  t.true(checked > 20)
  t.true(new Set(costs.values()).size > 25, 'the timer knew two values for most of them')
})
