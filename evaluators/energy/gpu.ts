import { spawn } from 'node:child_process'
import { formatNumber } from '../../lib/units.ts'
import type { EnergyCounter } from './counter.ts'

const PROGRAM = 'nvidia-smi'
const SAMPLE_MS = 500
/** The driver answers within a second or two; a machine without a GPU fails at once. */
const FIRST_SAMPLE_MS = 10_000

/** The GPU that trainings use: the first of those that CUDA is shown. */
const deviceOf = (environment: NodeJS.ProcessEnv): string =>
  environment['CUDA_VISIBLE_DEVICES']?.split(',')[0]?.trim() || '0'

/**
 * Energy of the GPU that trains: its power as the driver (NVML) tells it twice a second, summed over time. Where the
 * program ends before the counter is closed, its mean power until then is taken from there on, and counts as an estimate.
 * @param onLost told in a sentence when that happens, once
 * @returns undefined where `nvidia-smi` is missing or the GPU does not tell its power.
 */
export function openGpu(
  onLost: (sentence: string) => void,
  program: string = PROGRAM,
): Promise<EnergyCounter | undefined> {
  const gpu = deviceOf(process.env)
  const query = [`--id=${gpu}`, '--query-gpu=power.draw', '--format=csv,noheader,nounits', `--loop-ms=${SAMPLE_MS}`]
  const child = spawn(program, query, { stdio: ['ignore', 'pipe', 'ignore'] })
  let joules = 0
  let watts: number | undefined
  let began = performance.now()
  let at = began
  let [closed, lost] = [false, false]
  const advance = (): void => {
    const now = performance.now()
    joules += ((watts ?? 0) * (now - at)) / 1000
    at = now
  }
  return new Promise((resolve) => {
    const give = (counter: EnergyCounter | undefined): void => {
      clearTimeout(patience)
      if (counter === undefined) child.kill()
      resolve(counter)
    }
    const patience = setTimeout(() => give(undefined), FIRST_SAMPLE_MS)
    child.once('error', () => give(undefined))
    child.once('exit', () => {
      if (watts === undefined) return give(undefined)
      if (closed) return
      advance()
      watts = (1000 * joules) / (at - began)
      lost = true
      const estimated = `${formatNumber(watts)} W, its mean until then`
      onLost(`nvidia-smi has ended, so the GPU's energy is estimated from here on: ${estimated}`)
    })
    let rest = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const value = Number.parseFloat(line)
        if (!Number.isFinite(value)) continue
        const first = watts === undefined
        advance()
        watts = value
        if (first) {
          began = at
          give(counter)
        }
      }
    })
    const read = (): number => {
      advance()
      return joules
    }
    const counter: EnergyCounter = {
      get source() {
        return `nvidia-smi (GPU ${gpu})${lost ? ', which ended: estimated from then on by the mean power until then' : ''}`
      },
      get measured() {
        return !lost
      },
      joules: read,
      close: () => {
        closed = true
        child.kill()
      },
    }
    child.unref()
    ;(child.stdout as unknown as { unref(): void }).unref()
  })
}
