import type { SampleArray } from './dataset.ts'

export interface ChannelStatistics {
  readonly mean: readonly number[]
  readonly standardDeviation: readonly number[]
}

/** How often each of the 256 values occurs, per channel: counts at channel · 256 + (value & 255). */
function histogram(samples: Uint8Array | Int8Array, indices: Uint32Array, size: number, channels: number) {
  const counts = new Float64Array(256 * channels)
  for (const index of indices) {
    const end = (index + 1) * size
    for (let at = index * size; at < end; ) {
      for (let base = 0; base < counts.length; base += 256) counts[base + (samples[at++]! & 255)]!++
    }
  }
  return counts
}

/** Sums `term(value)` of one channel over the given samples. */
type ChannelSum = (channel: number, term: (value: number) => number) => number

function channelSum(samples: SampleArray, indices: Uint32Array, size: number, channels: number): ChannelSum {
  if (samples instanceof Float32Array) {
    return (channel, term) => {
      let sum = 0
      for (const index of indices) {
        const end = (index + 1) * size
        for (let at = index * size + channel; at < end; at += channels) sum += term(samples[at]!)
      }
      return sum
    }
  }
  const signed = samples instanceof Int8Array
  const counts = histogram(samples, indices, size, channels)
  return (channel, term) => {
    let sum = 0
    for (let byte = 0; byte < 256; byte++) {
      const value = signed && byte > 127 ? byte - 256 : byte
      sum += counts[256 * channel + byte]! * term(value)
    }
    return sum
  }
}

/**
 * Mean and (population) standard deviation of each channel over the given samples, in raw units.
 * A constant channel has standard deviation 1, so that dividing by it is safe.
 */
export function channelStatistics(
  samples: SampleArray,
  indices: Uint32Array,
  size: number,
  channels: number,
): ChannelStatistics {
  const sumOf = channelSum(samples, indices, size, channels)
  const values = (indices.length * size) / channels
  const mean: number[] = []
  const standardDeviation: number[] = []
  for (let channel = 0; channel < channels; channel++) {
    const average = sumOf(channel, (value) => value) / values
    const variance = sumOf(channel, (value) => (value - average) ** 2) / values
    mean.push(average)
    standardDeviation.push(variance > 0 ? Math.sqrt(variance) : 1)
  }
  return { mean, standardDeviation }
}
