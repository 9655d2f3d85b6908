/** Run as a process of its own: prints `true` when the native TensorFlow for GPUs loads and computes on one, else `false`. */
import { loadNative, NATIVE_PACKAGES } from './library.ts'

const tf = await loadNative(NATIVE_PACKAGES[0])
const { isUsingGpuDevice } = tf.backend() as { readonly isUsingGpuDevice?: boolean }
const three = tf.tidy(() => tf.add(1, 2)).dataSync()[0]
process.stdout.write(`\n${isUsingGpuDevice === true && three === 3}\n`)
