import os from 'node:os'
import { validateProfile } from '../../hardware-profiles/cases/validate.ts'
import { HOST_ID, hostFile, hostIdentity } from '../../hardware-profiles/host/cache.ts'
import { hostProfile } from '../../hardware-profiles/host/host-profile.ts'
import { measureHost, type Timer } from '../../hardware-profiles/host/measure-host.ts'
import { busyNoteOf, MEASURE_AGAIN, watchProcessor } from '../../hardware-profiles/host/round-times.ts'
import { parseProfile } from '../../hardware-profiles/load.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { formatPercent } from '../../lib/units.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { isKernelNetwork, kernelFile } from './onnx-kernels.ts'
import { onnxOf, timeOnnx } from './onnx-timer.ts'
import { print, printJson } from './output.ts'

/** `frugal devices bench host`: measures this computer anew. */
export async function devicesBenchHost({ json }: { readonly json: boolean }): Promise<void> {
  const { profile, cases, busy } = await measureAndStore()
  const whole = validateProfile(profile, cases).find(({ quantity }) => quantity === 'latency')
  if (json)
    return printJson({ device: HOST_ID, profile: hostFile('profile'), title: profile.title, busy, leftOut: whole })
  print(`${profile.title}: ${hostFile('profile')}`)
  if (whole !== undefined) {
    print(
      `On ${whole.cases} whole networks that were not fitted: mean error ${formatPercent(whole.mape)}, ` +
        `${formatPercent(whole.within10)} within ±10 %, ${formatPercent(whole.within20)} within ±20 %, Kendall τ ${whole.kendallTau}.`,
    )
  }
  print('Use it: frugal search --device host')
}

const showShare = (share: number): void => void process.stderr.write(`\r${Math.round(100 * share)} %`)

/** Measures this computer and keeps its profile and validation cases in the user's cache. */
export async function measureAndStore() {
  const fileOf = (graph: NetworkGraph): Uint8Array => (isKernelNetwork(graph) ? kernelFile(graph) : onnxOf(graph))
  const timer: Timer = async (graph, budgetMs) => (await timeOnnx(fileOf(graph), graph, budgetMs)).leastMs
  const cpu = os.cpus()[0]
  process.stderr.write('frugal: measuring this computer with onnxruntime, about three quarters of a minute, once\n')
  const processorShare = watchProcessor()
  const measured = await measureHost(timer, {
    identity: hostIdentity(),
    clockHz: Math.max(cpu?.speed ?? 0, 1) * 1e6,
    ramBytes: os.totalmem(),
    ...(process.stderr.isTTY ? { progress: showShare } : {}),
  })
  if (process.stderr.isTTY) process.stderr.write('\r')
  const { profile, cases } = hostProfile({ ...measured, processorShare: processorShare() })
  const busy = busyNoteOf(profile.notes)
  if (busy !== undefined) process.stderr.write(`frugal: ${busy} ${MEASURE_AGAIN}\n`)
  // The cases first: a profile in the cache means that all is there.
  writeFileAtomic(hostFile('cases'), `${JSON.stringify(cases)}\n`)
  writeFileAtomic(hostFile('profile'), `${JSON.stringify(parseProfile(profile, hostFile('profile')), null, 1)}\n`)
  return { profile, cases, busy: busy !== undefined }
}
