/** Zero crossings of the kernel on each side. */
const CROSSINGS = 16
/** Share of the lower rate's band that passes; the rest is where the kernel falls off. */
const PASSED = 0.92

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

/** Changes the rate of a stretch of sound; what lies before and behind it counts as silence. */
export type Resampler = (samples: Int16Array) => Int16Array

/**
 * Band-limited interpolation with a windowed sinc (Smith, "Digital Audio Resampling", 2002; von Hann's window, 16 zero
 * crossings on each side), its cut-off at 92 % of the lower rate's half. Output sample n lies at time n / to.
 * @param from rate of the input, @param to rate of the output, in Hz.
 */
export function createResampler(from: number, to: number): Resampler {
  const divisor = greatestCommonDivisor(from, to)
  const [step, phases] = [from / divisor, to / divisor]
  const cutOff = Math.min(1, to / from) * PASSED
  const reach = CROSSINGS / cutOff
  const taps = 2 * Math.ceil(reach)
  const kernels = new Map<number, Float64Array>()
  /** Weights of the samples around a place that lies `phase / phases` behind a sample; they sum to 1. */
  const kernelAt = (phase: number): Float64Array => {
    const known = kernels.get(phase)
    if (known !== undefined) return known
    const kernel = Float64Array.from({ length: taps }, (_, k) => {
      const distance = k + 1 - taps / 2 - phase / phases
      if (Math.abs(distance) >= reach) return 0
      const angle = Math.PI * cutOff * distance
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle
      return sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / reach))
    })
    const sum = kernel.reduce((total, weight) => total + weight, 0)
    const scaled = kernel.map((weight) => weight / sum)
    kernels.set(phase, scaled)
    return scaled
  }
  return (samples) => {
    const out = new Int16Array(Math.max(1, Math.floor((samples.length * to) / from)))
    for (let n = 0; n < out.length; n++) {
      const position = n * step
      const kernel = kernelAt(position % phases)
      const first = Math.floor(position / phases) + 1 - taps / 2
      const end = Math.min(taps, samples.length - first)
      let sum = 0
      for (let k = Math.max(0, -first); k < end; k++) sum += kernel[k]! * samples[first + k]!
      out[n] = Math.max(-32768, Math.min(32767, Math.floor(sum + 0.5)))
    }
    return out
  }
}
