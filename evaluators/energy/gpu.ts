import { spawn } from 'node:child_process'
import type { EnergyCounter } from './counter.ts'

const PROGRAM = 'nvidia-smi'
const SAMPLE_MS = 500
/** The driver answers within a second or two; a machine without a GPU fails at once. */
const FIRST_SAMPLE_MS = 10_000

/** The GPU that trainings use: the first of those that CUDA is shown. */
const deviceOf = (environment: NodeJS.ProcessEnv): string =>
  environment['CUDA_VISIBLE_DEVICES']?.split(',')[0]?.trim() || '0'

/**
 * Energy of the GPU that trains: its power as the driver (NVML) tells it twice a second, summed over time.
 * @returns undefined where `nvidia-smi` is missing or the GPU does not tell its power.
 */
export function openGpu(program: string = PROGRAM): Promise<EnergyCounter | undefined> {
  const gpu = deviceOf(process.env)
  const query = [`--id=${gpu}`, '--query-gpu=power.draw', '--format=csv,noheader,nounits', `--loop-ms=${SAMPLE_MS}`]
  const child = spawn(program, query, { stdio: ['ignore', 'pipe', 'ignore'] })
  let joules = 0
  let watts: number | undefined
  let at = performance.now()
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
    child.once('exit', () => give(undefined))
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
        if (first) give({ source: `nvidia-smi (GPU ${gpu})`, measured: true, joules: read, close })
      }
    })
    const read = (): number => {
      advance()
      return joules
    }
    const close = (): void => {
      child.kill()
    }
    child.unref()
    ;(child.stdout as unknown as { unref(): void }).unref()
  })
}
