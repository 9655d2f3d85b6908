import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { quantisedFile } from '../../cli/actions/onnx-quantised.ts'
import { hostFile } from '../../hardware-profiles/host/cache.ts'
import { hostProfile } from '../../hardware-profiles/host/host-profile.ts'
import { measureHost } from '../../hardware-profiles/host/measure-host.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { GraphBuilder } from '../../network/build.ts'
import { countMacs } from '../../network/measure.ts'
import { scheduleOf } from '../../network/schedule.ts'
import type { NetworkGraph } from '../../network/types.ts'
import { frugal, temporaryFolder } from './run-frugal.ts'

const timeOf = (graph: NetworkGraph): number => 0.1 + countMacs(graph) * 1e-8 + scheduleOf(graph).kernels.length * 1e-3

test.serial("'host' is priced from the user's cache, and unknown there it asks to be measured", async (t) => {
  const folder = temporaryFolder(t)
  process.env['XDG_CACHE_HOME'] = path.join(folder, 'cache')
  t.teardown(() => delete process.env['XDG_CACHE_HOME'])
  const b = new GraphBuilder()
  const graph = b.build(b.dense(b.globalAveragePool(b.conv2d(b.input([32, 32, 3]), 16, { kernel: 3 })), 10))
  writeFileSync(path.join(folder, 'a.json'), canonicalJson({ format: 'frugal-architecture/1', graph }))

  const unknown = await frugal(folder, 'devices', 'validate', 'host')
  t.is(unknown.code, 2)
  t.regex(unknown.stderr, /this computer is not measured yet.*run frugal devices bench host/)

  const identity = { cpu: 'Test CPU', platform: 'linux-x64', runtimeVersion: '1' }
  const measured = await measureHost(async (net) => timeOf(net), {
    ...{ identity, clockHz: 1e9, ramBytes: 2 ** 33 },
    networks: ['mlperfTiny kws', 'mlperfTiny ic', 'mlperfTiny vww', 'mobilenetV1 0.25 96 10', 'mobilenetV2 0.35 96 10'],
  })
  const { profile, cases } = hostProfile(measured)
  writeFileAtomic(hostFile('profile'), JSON.stringify(profile))
  writeFileAtomic(hostFile('cases'), JSON.stringify(cases))
  const { code, stdout, stderr } = await frugal(folder, 'predict', 'a.json', '--device', 'host', '--json')
  t.is(code, 0, stderr)
  const { device, latencyMs } = JSON.parse(stdout)
  t.is(device, 'host')
  t.true(Math.abs(latencyMs / timeOf(graph) - 1) < 0.1, `${latencyMs}`)
  t.is(stderr, '')
  // A quantised file is priced by the integer kernels of this computer.
  const quarter = await measureHost(async (net) => timeOf(net) / 4, {
    ...{ identity, clockHz: 1e9, ramBytes: 2 ** 33, id: 'host-int8' },
    networks: ['mlperfTiny kws', 'mlperfTiny ic', 'mlperfTiny vww', 'mobilenetV1 0.25 96 10', 'mobilenetV2 0.35 96 10'],
  })
  const integers = hostProfile(quarter)
  writeFileAtomic(hostFile('profile', 'host-int8'), JSON.stringify(integers.profile))
  writeFileAtomic(hostFile('cases', 'host-int8'), JSON.stringify(integers.cases))
  writeFileSync(path.join(folder, 'a.onnx'), quantisedFile(graph, 'int8'))
  const int8 = await frugal(folder, 'predict', 'a.onnx', '--device', 'host', '--json')
  t.is(int8.code, 0, int8.stderr)
  const executed = JSON.parse(int8.stdout)
  t.is(executed.device, 'host')
  t.true(Math.abs(executed.latencyMs / timeOf(graph) - 0.25) < 0.1, `${executed.latencyMs}`)
  t.regex(executed.warnings[0], /^priced as ONNX Runtime executes the file: .* in \d+ conversions to and from int8$/)
  const busy = hostProfile({ ...measured, processorShare: 0.3 }).profile
  writeFileAtomic(hostFile('profile'), JSON.stringify(busy))
  const warned = await frugal(folder, 'predict', 'a.json', '--device', 'host', '--json')
  t.is(warned.code, 0)
  t.is(warned.stdout, stdout)
  t.regex(
    warned.stderr,
    /^frugal: host: Measured while this computer was busy: .*30 % of a processor core.*bench host\n$/,
  )
  const validated = await frugal(folder, 'devices', 'validate', 'host', '--json')
  t.is(JSON.parse(validated.stdout).suites[0].cases, 5)
})
