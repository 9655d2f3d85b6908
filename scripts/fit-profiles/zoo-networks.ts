import { caseNetwork } from '../../hardware-profiles/cases/case-network.ts'
import { countMacs } from '../../network/measure.ts'
import type { CsvRow } from './csv.ts'

const MODELS: readonly (readonly [RegExp, string, string])[] = [
  [/^MobileNet v1 (\d\.\d+)/i, 'mobilenetV1', 'v1'],
  [/^MobileNet v2 (\d\.\d+)/i, 'mobilenetV2', 'v2'],
  [/^FdMobileNet (\d\.\d+)/i, 'fdMobilenet', 'fd'],
]

/** The plain int8 classifier of ST's zoo that a row is about, as a network that can be built here; undefined for others. */
export function zooNetworkOf(row: CsvRow): { readonly network: string; readonly family: string } | undefined {
  if (!/int8/i.test(row['format']!)) return undefined
  const [resolution, , channels] = row['resolution']!.split('x')
  const classes = /imagenet/i.test(row['dataset']!) ? 1000 : 5
  for (const [pattern, maker, family] of MODELS) {
    const match = pattern.exec(row['model']!)
    if (match === null) continue
    return { network: `${maker} ${match[1]} ${resolution} ${classes}${channels === '1' ? ' 1' : ''}`, family }
  }
  const mini = /^MiniResNet( v2)? (\d) ?stacks?$/i.exec(row['model']!)
  if (mini !== null) {
    const network = `${mini[1] === undefined ? 'miniResNet' : 'miniResNetV2'} ${mini[2]}`
    // Another network goes by the same name, with three quarters of the layers' inputs.
    return countMacs(caseNetwork(network)) === Number(row['macs']) ? { network, family: 'miniresnet' } : undefined
  }
  return /^ResNet v1 8/i.test(row['model']!) ? { network: 'mlperfTiny ic', family: 'resnet' } : undefined
}
