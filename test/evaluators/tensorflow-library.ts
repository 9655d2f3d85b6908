import { createRequire, registerHooks } from 'node:module'
import type { TensorflowLibrary } from '../../evaluators/training/tensorflow/library.ts'
import type { Tensorflow } from '../../evaluators/training/tensorflow/scope.ts'

const require = createRequire(import.meta.url)
const CORE = '@tensorflow/tfjs-core'

/**
 * The sources of tfjs-core are ES modules written for bundlers: they leave file endings out, and one calls `require`. Its
 * CommonJS bundle runs in Node as it is, but lacks the gradients.
 */
function readBundlerModules(): void {
  Object.assign(globalThis, { require })
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === CORE) return next(`${CORE}/dist/index.js`, context)
      const relative = specifier.startsWith('.') && !specifier.endsWith('.js')
      if (!relative || !context.parentURL?.includes('/@tensorflow/tfjs-')) return next(specifier, context)
      try {
        return next(`${specifier}.js`, context)
      } catch {
        return next(`${specifier}/index.js`, context)
      }
    },
  })
}

let loaded: Promise<Tensorflow> | undefined

async function loadPureJavaScript(): Promise<Tensorflow> {
  readBundlerModules()
  const load = (path: string): Promise<unknown> => import(path)
  const tf = (await load(CORE)) as Tensorflow
  await load(`${CORE}/dist/register_all_gradients.js`)
  await load('@tensorflow/tfjs-backend-cpu/dist/index.js')
  tf.enableProdMode()
  await tf.ready()
  return tf
}

/** TensorFlow.js without native code: the oracle of the tests, far too slow for searches. */
export const pureLibrary: TensorflowLibrary = {
  name: CORE,
  version: (require(`${CORE}/package.json`) as { version: string }).version,
  load: () => {
    loaded ??= loadPureJavaScript()
    return loaded
  },
}
