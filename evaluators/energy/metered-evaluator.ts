import { failure } from '../../lib/errors.ts'
import type { Evaluator } from '../evaluator.ts'
import { estimatedJoules } from './estimate.ts'
import type { EnergyMeter, EnergyUse, OpenTraining } from './meter.ts'

export interface EnergyAccount {
  /** Keeps what was used; called while trainings end, never after `close`. */
  readonly record: (use: EnergyUse) => void
  /** Used by earlier runs of the search. */
  readonly spentJoules: number
  /** No training begins once this much is used; those that run are finished. */
  readonly limitJoules: number
  /** Called once, when the limit keeps a training from beginning and all others have ended. */
  readonly onLimit: () => void
}

export interface MeteredEvaluator extends Evaluator {
  /** Records what is still open and stops counting. Trainings that end later are not recorded. */
  close(): void
}

/**
 * An evaluator whose trainings are metered. Results are the other evaluator's, bit for bit. At the limit a training does
 * not fail: it waits to be aborted, so that a resumed search finds it untouched.
 */
export function meterEvaluator(evaluator: Evaluator, meter: EnergyMeter, account: EnergyAccount): MeteredEvaluator {
  let recordedJoules = account.spentJoules
  let held = 0
  let told = false
  let closed = false
  const running = new Set<OpenTraining>()
  const record = (use: EnergyUse): void => {
    const joules = use.measuredJoules + use.estimatedJoules
    recordedJoules += joules
    if (joules > 0) account.record(use)
  }
  const overLimit = (): boolean => recordedJoules + meter.openJoules() >= account.limitJoules
  const tellLimit = (): void => {
    if (held === 0 || running.size > 0 || told) return
    told = true
    // The caller has its turn first: a result that came just now is still told.
    setImmediate(account.onLimit)
  }
  return {
    id: evaluator.id,
    version: evaluator.version,
    async evaluate(request, options = {}) {
      if (closed) return failure('timed-out', 'the search has ended')
      if (overLimit()) {
        held++
        tellLimit()
        if (!options.signal?.aborted) {
          await new Promise((resolve) => options.signal?.addEventListener('abort', resolve, { once: true }))
        }
        return failure('timed-out', 'held back by the limit of energy')
      }
      const training = meter.begin(request.archId, request.earlier?.length ?? 0)
      running.add(training)
      const began = performance.now()
      const result = await evaluator.evaluate(request, options)
      running.delete(training)
      if (closed) return result
      // A process of its own is not in this process's time; one that failed tells only how long it took.
      const apart = (options.isolated === true || evaluator.apart === true) && meter.estimates
      const seconds = result.ok ? result.cpuSeconds : (performance.now() - began) / 1000
      record(meter.end(training, apart ? estimatedJoules(seconds) : 0))
      record(meter.between())
      tellLimit()
      return result
    },
    dispose: () => evaluator.dispose(),
    close() {
      if (closed) return
      closed = true
      for (const training of running) record(meter.end(training))
      record(meter.between())
      meter.close()
    },
  }
}
