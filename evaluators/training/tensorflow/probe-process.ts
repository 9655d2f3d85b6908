/** Run as a process of its own with the name of a native build: prints as JSON whether it computes, and on a GPU. */
import { messageOf } from '../../../lib/errors.ts'
import { loadNative } from './library.ts'
import type { ProbeResult } from './probe.ts'

async function tryLibrary(name: string): Promise<ProbeResult> {
  try {
    const tf = await loadNative(name)
    const { isUsingGpuDevice = false } = tf.backend() as { readonly isUsingGpuDevice?: boolean }
    const [three] = tf.tidy(() => tf.add(1, 2)).dataSync()
    return three === 3
      ? { loads: true, gpu: isUsingGpuDevice }
      : { loads: false, reason: `'${name}' computes 1 + 2 wrongly` }
  } catch (error) {
    return { loads: false, reason: messageOf(error) }
  }
}

process.stdout.write(`\n${JSON.stringify(await tryLibrary(process.argv[2]!))}\n`)
