import os from 'node:os'
import { validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { type HostId, hostFile, hostIdentity } from '../../hardware-profiles/host/cache.ts'
import { hostProfile } from '../../hardware-profiles/host/host-profile.ts'
import { measureHost, type Timer } from '../../hardware-profiles/host/measure-host.ts'
import { busyNoteOf, measureAgain, watchProcessor } from '../../hardware-profiles/host/round-times.ts'
import { parseProfile } from '../../hardware-profiles/load.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { formatPercent } from '../../lib/units.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { isKernelNetwork, kernelFile } from './onnx-kernels.ts'
import { quantisedFile } from './onnx-quantised.ts'
import { onnxOf, timeOnnx } from './onnx-timer.ts'
import { print, printJson } from './output.ts'

/** `frugal devices bench host`: measures this computer anew, in float32 or in another number format. */
export async function devicesBenchHost({ json, id }: { readonly json: boolean; readonly id: HostId }): Promise<void> {
  const { profile, cases, busy } = await measureAndStore(id)
  const whole = validateProfile(profile, cases).find(({ quantity }) => quantity === 'latency')
  if (json)
    return printJson({ device: id, profile: hostFile('profile', id), title: profile.title, busy, leftOut: whole })
  print(`${profile.title}: ${hostFile('profile', id)}`)
  if (whole !== undefined) {
    print(
      `On ${whole.cases} whole networks that were not fitted: mean error ${formatPercent(whole.mape)}, ` +
        `${formatPercent(whole.within10)} within ±10 %, ${formatPercent(whole.within20)} within ±20 %, Kendall τ ${whole.kendallTau}.`,
    )
  }
  print(`Use it: frugal search --device ${id}`)
}

const showShare = (share: number): void => void process.stderr.write(`\r${Math.round(100 * share)} %`)

/** Networks as files in each number format. */
const FILES: Readonly<Record<HostId, (graph: NetworkGraph) => Uint8Array>> = {
  host: (graph) => (isKernelNetwork(graph) ? kernelFile(graph) : onnxOf(graph)),
  'host-int8': (graph) => quantisedFile(graph, 'int8'),
  'host-uint8': (graph) => quantisedFile(graph, 'uint8'),
  'host-dequantised': (graph) => quantisedFile(graph, 'int8', { values: 'float32' }),
}
/** About how long that takes. */
const LASTING: Readonly<Record<HostId, string>> = {
  host: 'about three quarters of a minute',
  'host-int8': 'in int8, about half a minute',
  'host-uint8': 'in uint8, about half a minute',
  'host-dequantised': 'with weights in int8, about half a minute',
}

/** Measures this computer and keeps its profile and validation cases in the user's cache. */
export async function measureAndStore(id: HostId) {
  const fileOf = FILES[id]
  const timer: Timer = async (graph, budgetMs) => (await timeOnnx(fileOf(graph), graph, budgetMs)).leastMs
  const cpu = os.cpus()[0]
  process.stderr.write(`frugal: measuring this computer with onnxruntime, ${LASTING[id]}, once\n`)
  const processorShare = watchProcessor()
  const measured = await measureHost(timer, {
    id,
    identity: hostIdentity(),
    clockHz: Math.max(cpu?.speed ?? 0, 1) * 1e6,
    ramBytes: os.totalmem(),
    ...(process.stderr.isTTY ? { progress: showShare } : {}),
  })
  if (process.stderr.isTTY) process.stderr.write('\r')
  const { profile, cases } = hostProfile({ ...measured, processorShare: processorShare() })
  const busy = busyNoteOf(profile.notes)
  if (busy !== undefined) process.stderr.write(`frugal: ${busy} ${measureAgain(id)}\n`)
  // The cases first: a profile in the cache means that all is there.
  writeFileAtomic(hostFile('cases', id), `${JSON.stringify(cases)}\n`)
  const file = hostFile('profile', id)
  writeFileAtomic(file, `${JSON.stringify(parseProfile(profile, file), null, 1)}\n`)
  return { profile, cases, busy: busy !== undefined }
}
