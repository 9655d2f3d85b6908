import type { TrainingLayout } from './parameters.ts'
import { floatTensor, intTensor, type Tensors } from './session.ts'

/** Flat vectors that one step reads or writes. */
export interface State {
  readonly trained: Float32Array
  /** All that the optimiser keeps. */
  readonly momentum: Float32Array
  readonly statistics: Float32Array
}

const newState = (layout: TrainingLayout): State => ({
  trained: new Float32Array(layout.trainedElements),
  momentum: new Float32Array(layout.optimiserVectors * layout.trainedElements),
  statistics: new Float32Array(layout.statisticsElements),
})

const flat = (data: Float32Array) => floatTensor(data, [data.length])

/** The state that a step starts from, and what it reads and writes besides the batch. */
interface Turn {
  readonly from: State
  readonly reads: Tensors
  readonly writes: Tensors
}

/**
 * The memory of a training step. A step reads one state and writes the other, and the next one does it the other way
 * round. All of it is wrapped for the runtime once, not anew for each of thousands of steps.
 */
export class StepMemory {
  readonly learningRate = new Float32Array(1)
  /** Loss and samples classified rightly, of the last step. */
  readonly metrics = new Float32Array(2)
  #turns: readonly [Turn, Turn]

  constructor(layout: TrainingLayout) {
    const [one, other] = [newState(layout), newState(layout)]
    this.#turns = [this.#turn(one, other), this.#turn(other, one)]
  }

  /** What the last step wrote, and the next one reads. */
  get state(): State {
    return this.#turns[0].from
  }

  get reads(): Tensors {
    return this.#turns[0].reads
  }

  get writes(): Tensors {
    return this.#turns[0].writes
  }

  /** A step has been made. */
  advance(): void {
    this.#turns = [this.#turns[1], this.#turns[0]]
  }

  #turn(from: State, to: State): Turn {
    const withStatistics = from.statistics.length > 0
    return {
      from,
      reads: {
        learningRate: flat(this.learningRate),
        weights: flat(from.trained),
        momentum: flat(from.momentum),
        ...(withStatistics ? { statistics: flat(from.statistics) } : {}),
      },
      writes: {
        metrics: flat(this.metrics),
        newWeights: flat(to.trained),
        newMomentum: flat(to.momentum),
        ...(withStatistics ? { newStatistics: flat(to.statistics) } : {}),
      },
    }
  }
}

/** Wraps batches; callers fill the same arrays for every step, so that there is little to do. */
export class BatchTensors {
  #arrays: readonly (Float32Array | Int32Array | undefined)[] = []
  #tensors: Tensors = {}

  /** `inputShape` of one sample; `teacherLogits` with distillation only. */
  of(
    inputs: Float32Array,
    labels: Int32Array,
    teacherLogits: Float32Array | undefined,
    inputShape: readonly number[],
  ): Tensors {
    const arrays = [inputs, labels, teacherLogits]
    if (arrays.every((array, i) => array === this.#arrays[i]) && this.#arrays.length > 0) return this.#tensors
    const batch = labels.length
    this.#arrays = arrays
    this.#tensors = {
      inputs: floatTensor(inputs, [batch, ...inputShape]),
      labels: intTensor(labels, [batch]),
      ...(teacherLogits === undefined
        ? {}
        : { teacher: floatTensor(teacherLogits, [batch, teacherLogits.length / batch]) }),
    }
    return this.#tensors
  }
}
