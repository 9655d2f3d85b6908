import { BLOCKED_DOMAIN, OnnxEmitter } from './emitter.ts'
import { floatTensor, Session } from './session.ts'

let found: Promise<number> | undefined

/**
 * How many channels the runtime's blocked kernels keep beside each other on this processor: 16 with AVX-512, 8 with AVX;
 * 1 where there are none. Asked once, by looking at how the runtime reorders a small tensor.
 */
export function blockSize(): Promise<number> {
  found ??= probe()
  return found
}

async function probe(): Promise<number> {
  const channels = 64
  const emitter = new OnnxEmitter()
  const x = emitter.input('x', 'float32', [1, channels, 1, 2])
  emitter.output('y', 'float32', [1, channels, 1, 2], emitter.node('ReorderInput', [x], { domain: BLOCKED_DOMAIN }))
  const dims = [1, channels, 1, 2]
  const reordered = new Float32Array(channels * 2)
  let session: Session
  try {
    session = await Session.create(emitter.encode('probe'), 'none')
  } catch {
    return 1
  }
  try {
    const numbers = Float32Array.from({ length: channels * 2 }, (_, index) => index)
    await session.run({ x: floatTensor(numbers, dims) }, { y: floatTensor(reordered, dims) })
    // Element 1 is the second pixel of the first channel: it comes after one whole block of first pixels.
    return reordered.indexOf(1)
  } finally {
    await session.release()
  }
}
