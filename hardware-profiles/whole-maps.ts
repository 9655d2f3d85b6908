import type { Kernel, Schedule } from '../network/schedule.ts'
import type { Profile } from './profile.ts'

/** Steps of convolutions whose only reader is a maximum pool right after them. */
export function pooledSteps({ kernels, outputs }: Schedule): ReadonlySet<number> {
  const found = new Set<number>()
  for (let step = 0; step + 1 < kernels.length; step++) {
    const { kind, output } = kernels[step]!
    if (kind !== 'conv2d' || kernels[step + 1]!.kind !== 'maxPool' || outputs.includes(output)) continue
    const readers = kernels.filter(({ inputs }) => inputs.includes(output))
    if (readers.length === 1 && readers[0] === kernels[step + 1]) found.add(step)
  }
  return found
}

type Blocks = NonNullable<Profile['memory']['depthwiseBlocks']>

/** Elements of a depthwise convolution's result with its channels filled up, or undefined where they stay as they are. */
function filledUp({ kind, outputShape }: Kernel, elements: number, { below, to }: Blocks): number | undefined {
  const channels = outputShape[outputShape.length - 1]!
  if (kind !== 'depthwiseConv2d' || channels >= below || channels % to === 0) return undefined
  return (elements / channels) * Math.ceil(channels / to) * to
}

/**
 * A schedule as its maps lie in memory: `fusedPools` lets the convolution before a pool write the pooled map (its own has no
 * elements, and the pool reads the convolution's operand), `depthwiseBlocks` fills channels up and, where they are copied,
 * gives every reader an operand more. The same object where nothing changes.
 */
export function wholeMaps(
  schedule: Schedule,
  { fusedPools, depthwiseBlocks }: Pick<Profile['memory'], 'fusedPools' | 'depthwiseBlocks'>,
): Schedule {
  const pooled = fusedPools === true ? pooledSteps(schedule) : new Set<number>()
  let { kernels, tensors } = schedule
  const resize = (tensor: number, elements: number): void => {
    tensors = tensors.map((one, at) => (at === tensor ? { ...one, elements } : one))
  }
  const copyFor = (step: number, tensor: number): void => {
    const { id } = kernels[step]!
    kernels = kernels.map((one, at) => (at === step ? { ...one, inputs: [...one.inputs, tensors.length] } : one))
    tensors = [...tensors, { ...tensors[tensor]!, id: `${id}#copy` }]
  }
  schedule.kernels.forEach((kernel, step) => {
    const { output } = kernel
    const elements = depthwiseBlocks && filledUp(kernel, schedule.tensors[output]!.elements, depthwiseBlocks)
    if (elements !== undefined) {
      resize(output, elements)
      schedule.kernels.forEach((reader, at) => {
        if (depthwiseBlocks?.copied === true && reader.inputs.includes(output)) copyFor(at, output)
      })
    }
    if (!pooled.has(step)) return
    resize(output, 0)
    const { inputs } = kernel
    kernels = kernels.map((one, at) => (at === step + 1 ? { ...one, inputs } : one))
  })
  return kernels === schedule.kernels && tensors === schedule.tensors ? schedule : { ...schedule, kernels, tensors }
}
