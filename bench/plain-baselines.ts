/**
 * What a data set's test part gives without a network: the most common class, and logistic regression on normalised
 * values (400 steps of Adam over the whole training part).
 *
 *   npx node bench/plain-baselines.ts DATA... (paths, as for --data)
 */
import { createBatcher } from '../evaluators/datasets/batches.ts'
import type { Dataset } from '../evaluators/datasets/dataset.ts'
import { loadDataset } from '../evaluators/datasets/load.ts'
import { formatAccuracy } from '../lib/units.ts'
import { shapeText, sizeOf } from '../network/shapes.ts'
import { benchArguments } from './usage.ts'

const STEPS = 400
const LEARNING_RATE = 0.05
const WEIGHT_DECAY = 1e-4

interface Samples {
  readonly values: Float32Array
  readonly labels: Int32Array
  readonly count: number
}

function samplesOf(dataset: Dataset, part: keyof Dataset['splits']): Samples {
  const indices = dataset.splits[part]
  const count = indices.length
  const values = new Float32Array(count * sizeOf(dataset.inputShape))
  const labels = new Int32Array(count)
  const batcher = createBatcher(dataset, dataset.inputShape)
  batcher.fill(indices, 0, count, values)
  batcher.labels(indices, 0, count, labels)
  return { values, labels, count }
}

const largest = (values: ArrayLike<number>): number => {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

/** Weights `[classes, features + 1]`, the last of each row a bias. */
class LogisticRegression {
  readonly #weights: Float64Array
  readonly #features: number
  readonly #logits: Float64Array

  constructor(features: number, classes: number) {
    this.#features = features
    this.#weights = new Float64Array(classes * (features + 1))
    this.#logits = new Float64Array(classes)
  }

  logits({ values }: Samples, sample: number): Float64Array {
    const row = this.#features + 1
    for (let k = 0; k < this.#logits.length; k++) {
      let sum = this.#weights[k * row + this.#features]!
      for (let f = 0; f < this.#features; f++) {
        sum += this.#weights[k * row + f]! * values[sample * this.#features + f]!
      }
      this.#logits[k] = sum
    }
    return this.#logits
  }

  gradient(samples: Samples): Float64Array {
    const row = this.#features + 1
    const gradient = this.#weights.map((weight) => WEIGHT_DECAY * weight)
    for (let i = 0; i < samples.count; i++) {
      const logits = this.logits(samples, i)
      const most = Math.max(...logits)
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)
      for (let k = 0; k < logits.length; k++) {
        const error = (Math.exp(logits[k]! - most) / total - (samples.labels[i] === k ? 1 : 0)) / samples.count
        for (let f = 0; f < this.#features; f++) {
          gradient[k * row + f]! += error * samples.values[i * this.#features + f]!
        }
        gradient[k * row + this.#features]! += error
      }
    }
    return gradient
  }

  fit(samples: Samples): void {
    const first = new Float64Array(this.#weights.length)
    const second = new Float64Array(this.#weights.length)
    for (let step = 1; step <= STEPS; step++) {
      for (const [j, slope] of this.gradient(samples).entries()) {
        first[j] = 0.9 * first[j]! + 0.1 * slope
        second[j] = 0.999 * second[j]! + 0.001 * slope * slope
        const size = Math.sqrt(second[j]! / (1 - 0.999 ** step)) + 1e-9
        this.#weights[j]! -= (LEARNING_RATE * first[j]!) / (1 - 0.9 ** step) / size
      }
    }
  }

  accuracy(samples: Samples): number {
    let right = 0
    for (let i = 0; i < samples.count; i++) if (largest(this.logits(samples, i)) === samples.labels[i]) right++
    return right / samples.count
  }
}

const MANY = Number.POSITIVE_INFINITY
for (const data of benchArguments('bench/plain-baselines.ts DATA...', {}, [1, MANY]).positionals) {
  const dataset = await loadDataset(data, { seed: 1 })
  const [train, test] = [samplesOf(dataset, 'train'), samplesOf(dataset, 'test')]
  const counts = new Uint32Array(dataset.classNames.length)
  for (const label of train.labels) counts[label]!++
  const common = largest(counts)
  const model = new LogisticRegression(sizeOf(dataset.inputShape), dataset.classNames.length)
  model.fit(train)
  const majority = test.labels.filter((label) => label === common).length / test.count
  const size = `${shapeText(dataset.inputShape)}, ${test.count} test samples`
  console.log(
    `${dataset.name} (${size}): most common class ${formatAccuracy(majority)}, logistic regression ${formatAccuracy(model.accuracy(test))}`,
  )
}
