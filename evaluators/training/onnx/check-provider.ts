import { env } from 'onnxruntime-node'
import { messageOf, UserError } from '../../../lib/errors.ts'
import { OnnxEmitter } from './emitter.ts'
import type { Provider } from './providers.ts'
import { floatTensor, Session } from './session.ts'

/** What each provider needs beyond `npm install`. */
const NEEDS: Readonly<Record<Provider, string>> = {
  cpu: 'a build of onnxruntime-node for this platform',
  cuda: "Linux x64 with an NVIDIA driver, CUDA 12 and cuDNN 9, and 'npm install onnxruntime-node --onnxruntime-node-install=cuda12'",
  webgpu: 'a GPU and its driver: Vulkan on Linux (libvulkan1 and the driver of the card), Metal or Direct3D 12',
}

/** Tries a provider by running one node on it. @throws UserError when it cannot be used, saying what it needs. */
export async function checkProvider(provider: Provider): Promise<void> {
  // The error below says it all; the runtime would print its own beside it.
  env.logLevel = 'fatal'
  const emitter = new OnnxEmitter()
  const x = emitter.input('x', 'float32', [2])
  emitter.output('y', 'float32', [2], emitter.node('Relu', [x]))
  try {
    const session = await Session.create(emitter.encode('probe'), 'none', { provider })
    try {
      const results = new Float32Array(2)
      await session.run({ x: floatTensor(Float32Array.of(-1, 1), [2]) }, { y: floatTensor(results, [2]) })
    } finally {
      await session.release()
    }
  } catch (error) {
    // Assertions of the runtime name a file and a function before they say what is wrong.
    const reason = messageOf(error).split('\n')[0]!.split(' was false. ').at(-1)
    throw new UserError(`the provider '${provider}' cannot be used here (${reason}); it needs ${NEEDS[provider]}`, {
      cause: error,
    })
  }
}
