import type { NetworkSuite, ProfileCases } from '../cases/cases.ts'
import { systematicErrorOf } from '../cases/intervals.ts'
import { createCostModel } from '../cost-model.ts'
import type { Provenance } from '../fit-table.ts'
import type { Profile } from '../profile.ts'
import { HOST_ID, type HostId, type HostIdentity } from './cache.ts'
import { type ChainTime, fitHostTables, overheadUs } from './fit-host.ts'
import { FLOAT_FORMS } from './float-forms.ts'
import { DEQUANTISED_FORMS, INT8_FORMS } from './int8-forms.ts'
import { busyNote, type Disturbance, isBusy } from './round-times.ts'
import { weightStreamOf } from './weight-stream.ts'

/** Everything that was timed on a computer. */
export interface HostMeasurements extends Disturbance {
  readonly identity: HostIdentity
  readonly clockHz: number
  readonly ramBytes: number
  readonly chains: readonly ChainTime[]
  /** Which number format was timed. Default: float32. */
  readonly id?: HostId
  /** Milliseconds of the `streamingNetworks`. */
  readonly stream: readonly number[]
  /** Whole networks as `caseNetwork` names them; nothing is fitted on them but the width of the interval. */
  readonly networks: readonly { readonly network: string; readonly latencyMs: number }[]
}

/** Nominal: a busy core of a desktop or server, and the share of one that a waiting machine takes. */
const ACTIVE_MW = 10_000
const IDLE_MW = 2_000
/**
 * Least relative half-width of the 90 % interval of a whole network: networks from files are larger and have more kinds of
 * kernels than those that check a profile, and the times of one computer differ by some per cent from hour to hour. Integer
 * kernels take less, so that what is not in their prices (weights and code that come from farther away) counts more.
 */
const LEAST_SYSTEMATIC90: Readonly<Record<HostId, number>> = {
  host: 0.15,
  'host-int8': 0.22,
  'host-uint8': 0.22,
  'host-dequantised': 0.35,
}
/** What the runtime's library and an empty session take; of this order on every system that was looked at. */
const RUNTIME_BYTES = 64 * 1024 ** 2

const FORMATS = {
  host: { forms: FLOAT_FORMS, dataType: 'float32', bytes: 4 },
  'host-int8': { forms: INT8_FORMS, dataType: 'int8', bytes: 1 },
  'host-uint8': { forms: INT8_FORMS, dataType: 'int8', bytes: 1 },
  'host-dequantised': { forms: DEQUANTISED_FORMS, dataType: 'float32', bytes: 4 },
} as const satisfies Record<HostId, object>

/** A computer as a device: tables from the chains, the interval's width and the validation cases from whole networks. */
export function hostProfile(measured: HostMeasurements): { readonly profile: Profile; readonly cases: ProfileCases } {
  const { identity, chains, networks, id = HOST_ID } = measured
  const { forms, dataType, bytes } = FORMATS[id]
  const runtime = `onnxruntime ${identity.runtimeVersion}, one thread`
  const where = `${identity.cpu} (${identity.platform}), ${runtime}`
  const provenance: Provenance = {
    kind: 'measured',
    source: `${where}: chains of kernels, the least time of many runs; what further repetitions take`,
  }
  const weightStream = weightStreamOf(measured.stream, bytes, {
    kind: 'measured',
    source: `${where}: networks of 6, 16 and 48 equal convolutions of 2^18 weights each`,
  })
  const { tables, suites } = fitHostTables(chains, provenance, forms)
  const unchecked: Profile = {
    format: 'frugal-profile/1',
    id,
    title: `This computer${id === HOST_ID ? '' : `, ${id.slice(HOST_ID.length + 1)}`}: ${identity.cpu}, ${runtime}`,
    family: 'cpu',
    core: identity.cpu,
    clockHz: measured.clockHz,
    ramBytes: measured.ramBytes,
    flashBytes: 64 * 1024 ** 3,
    runtime,
    dataType,
    fusedActivations: [...forms.fused],
    mergesSums: true,
    latencyUnit: 'us',
    inferenceOverhead: Number(overheadUs(chains, tables, forms).toPrecision(4)),
    ...(weightStream === undefined ? {} : { weightStream }),
    systematicError90: 0,
    tables: [...tables],
    energy: {
      activePowerMw: ACTIVE_MW,
      idlePowerMw: IDLE_MW,
      wakeUpEnergyMj: 0,
      provenance: {
        kind: 'derived',
        source: 'not measured: 10 W for one busy core and 2 W for its share while waiting',
      },
    },
    memory: {
      ...{ elementBytes: bytes, weightBytes: bytes, biasBytes: 4, weightsInRam: true, alignmentBytes: 64, scratch: [] },
      runtimeRamBytes: RUNTIME_BYTES,
      ram: { constantBytes: 0, perKernelBytes: 0, perTensorBytes: 0, perChannelBytes: 0 },
      flash: { runtimeBytes: 0, constantBytes: 4096, perKernelBytes: 256, perChannelBytes: 0 },
      provenance: {
        kind: 'derived',
        source: `greedy arena of ${dataType} tensors and the weights; flash is the ONNX file, and its limit is nominal`,
      },
    },
    validation: [],
    notes: [
      ...(isBusy(measured) ? [busyNote(measured)] : []),
      'Times are the least of many runs with warm caches: a busy machine is slower.',
      'Of a mixture of experts only the chosen ones run; finding them and putting their results in place is not priced.',
    ],
  }
  const model = createCostModel(unchecked)
  const systematicError90 = systematicErrorOf(
    networks.map(({ network, latencyMs }) => ({ network, measuredMs: latencyMs, model })),
  )
  const wholeNetworks: NetworkSuite = {
    kind: 'networks',
    name: 'whole networks',
    quantity: 'latency',
    method: 'never fitted; the width of the interval is what nine tenths of them need',
    source: where,
    leftOut: true,
    folds: [],
    cases: networks.map(({ network, latencyMs }) => [network, latencyMs, -1]),
  }
  return {
    profile: {
      ...unchecked,
      systematicError90: Math.max(systematicError90, LEAST_SYSTEMATIC90[id]),
    },
    cases: {
      format: 'frugal-cases/1',
      profile: id,
      suites: [wholeNetworks, ...suites.map((suite) => ({ ...suite, name: `${suite.kernel} kernels` }))],
    },
  }
}
