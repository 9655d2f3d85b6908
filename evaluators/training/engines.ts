import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { TrainingEngine } from './engine.ts'
import { type Provider, parseProvider } from './onnx/providers.ts'

/** Engines by id; each is loaded when it is asked for, since their native libraries are heavy. */
const ENGINES: Readonly<Record<string, (provider: Provider) => Promise<TrainingEngine>>> = {
  onnxruntime: async (provider) => {
    const { createOnnxEngine } = await import('./onnx/engine.ts')
    if (provider !== 'cpu') await (await import('./onnx/check-provider.ts')).checkProvider(provider)
    return createOnnxEngine(provider)
  },
  tensorflow: async (provider) => {
    if (provider !== 'cpu') throw noProvider(provider)
    return (await import('./tensorflow/engine.ts')).tensorflowEngine()
  },
}

const AUTO = 'auto'
const ENGINE_IDS: readonly string[] = Object.keys(ENGINES)

const noProvider = (provider: string): UserError =>
  new UserError(
    `provider '${provider}' is for the engine 'onnxruntime': 'tensorflow' takes a GPU by itself where it finds one`,
  )

/** An engine with where it computes, both settled. */
export interface EngineChoice {
  readonly engine: string
  readonly provider: Provider
}

/**
 * Settles the flags `--engine` and `--provider`. `auto` is `tensorflow` where its GPU build is installed, loads and finds
 * a GPU, and no provider is asked for; else `onnxruntime`.
 * @throws UserError for unknown names and for a provider that the engine does not have.
 */
export async function chooseEngine(asked: {
  readonly engine: string
  readonly provider: string
}): Promise<EngineChoice> {
  const { engine } = asked
  const provider = parseProvider(asked.provider)
  if (engine === AUTO) {
    const { findsTensorflowGpu } = await import('./tensorflow/probe.ts')
    const tensorflow = provider === 'cpu' && (await findsTensorflowGpu())
    return { engine: tensorflow ? 'tensorflow' : 'onnxruntime', provider }
  }
  if (!Object.hasOwn(ENGINES, engine)) throw new UserError(unknownName('engine', engine, [AUTO, ...ENGINE_IDS]))
  if (engine === 'tensorflow' && provider !== 'cpu') throw noProvider(provider)
  return { engine, provider }
}

/** One name for an engine and its provider, as `loadEngine` takes it: `onnxruntime`, `onnxruntime:cuda`. */
export const engineName = ({ engine, provider }: EngineChoice): string =>
  provider === 'cpu' ? engine : `${engine}:${provider}`

/** Whether trainings share one device or one native library, so that only one may run at a time. */
export const trainsAlone = ({ engine, provider }: EngineChoice): boolean =>
  engine === 'tensorflow' || provider !== 'cpu'

/** Whether several networks of one thread may be trained with their steps together. */
export const stepsTogether = ({ engine }: EngineChoice): boolean => engine === 'onnxruntime'

/** The choice that a name stands for. @throws UserError for an unknown provider. */
function parseEngineName(name: string): EngineChoice {
  const [engine, provider = 'cpu'] = name.split(':') as [string, string?]
  return { engine, provider: parseProvider(provider) }
}

/**
 * @param name as `engineName` gives it.
 * @throws UserError for an unknown name, naming the nearest one, and where the engine or its provider cannot be used.
 */
export async function loadEngine(name: string): Promise<TrainingEngine> {
  const { engine, provider } = parseEngineName(name)
  const load = Object.hasOwn(ENGINES, engine) ? ENGINES[engine] : undefined
  if (load === undefined) throw new UserError(unknownName('engine', engine, ENGINE_IDS))
  return load(provider)
}
