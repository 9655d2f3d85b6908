import type { EpochRecord } from '../../export/train/training-job.ts'
import { formatAccuracy } from '../../lib/units.ts'
import { LiveBlock } from '../render/live-block.ts'
import { formatDuration } from '../render/progress-lines.ts'
import { cut, terminalOf } from '../render/terminal.ts'
import { messagesOf, printJson, say } from './output.ts'

/** Tells people, or machines, how a full training goes. */
export interface TrainingReport {
  readonly onContinue: (epochs: number) => void
  readonly onStep: (done: number, steps: number) => void
  readonly onEpoch: (record: EpochRecord, kept: boolean) => void
  /** Epochs that are done, earlier runs included. */
  readonly epochsDone: () => number
}

const REDRAW_MS = 200

/** How a command tells of its trainings: in words, as JSON events, or in words beside JSON of its own. */
export type TrainingWords = 'text' | 'events' | 'text-beside-json'

/** @param what which training it is, where one command runs several. */
export function reportTraining(epochs: number, words: TrainingWords, what: string): TrainingReport {
  const startedAt = performance.now()
  const json = words === 'events'
  const stream = messagesOf(words === 'text-beside-json')
  const print = (text: string): void => say(stream, text)
  const live = json || !terminalOf(stream).interactive ? undefined : new LiveBlock(stream)
  let doneBefore = 0
  let done = 0
  let drawnAt = 0
  /** Undefined as long as nothing is known about the pace. */
  const secondsLeft = (partOfEpoch: number): number | undefined => {
    const trained = done + partOfEpoch - doneBefore
    if (trained <= 0) return undefined
    return ((performance.now() - startedAt) / 1000 / trained) * (epochs - done - partOfEpoch)
  }
  const left = (partOfEpoch: number): string => {
    const seconds = secondsLeft(partOfEpoch)
    return seconds === undefined ? '' : `, ${formatDuration(1000 * seconds)} left`
  }
  return {
    epochsDone: () => done,
    onContinue: (found) => {
      doneBefore = found
      done = found
      if (json) printJson({ event: 'continued', training: what, epochs: found })
      else print(`${what}: goes on after epoch ${found} of ${epochs}`)
    },
    onStep: (step, steps) => {
      const now = performance.now()
      if (live === undefined || (now - drawnAt < REDRAW_MS && step < steps)) return
      drawnAt = now
      const terminal = terminalOf(stream)
      live.draw([
        cut(`epoch ${done + 1}/${epochs}: step ${step}/${steps}${left(step / steps)}`, terminal.columns - 1, terminal),
      ])
    },
    onEpoch: (record, kept) => {
      done = record.epoch
      if (json) {
        const seconds = secondsLeft(0)
        return printJson({
          event: 'epoch',
          training: what,
          ...record,
          kept,
          ...(seconds === undefined ? {} : { secondsLeft: Number(seconds.toFixed(1)) }),
        })
      }
      const { epoch, loss, trainingAccuracy, validationAccuracy } = record
      const line =
        `epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}, training ${formatAccuracy(trainingAccuracy)}, ` +
        `validation ${formatAccuracy(validationAccuracy)}${kept ? ', kept' : ''}`
      if (live === undefined) return print(`${line}${epoch < epochs ? left(0) : ''}`)
      live.draw([])
      print(line)
    },
  }
}
