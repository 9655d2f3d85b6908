import { type ChildProcess, fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { OperationalError } from '../../lib/errors.ts'

/** What the process that runs LiteRT is told: first a model, then samples, one after the other. */
export type LiteRtRequest = { readonly module: string; readonly model: Uint8Array } | { readonly inputs: Float32Array }
export interface LiteRtAnswer {
  readonly outputs?: Float32Array
  readonly error?: string
}

export interface LiteRtInstallation {
  /** Address of the package's module. */
  readonly module: string
  readonly version: string
}

const PACKAGE = '@litertjs/core'
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** How to get it, for messages. */
export const LITERT_MISSING = `${PACKAGE} is not installed (npm install ${PACKAGE})`

/** LiteRT, where the user has installed it: an optional peer of this package. */
export function findLiteRt(): LiteRtInstallation | undefined {
  try {
    const module = import.meta.resolve(PACKAGE)
    const description = fileURLToPath(new URL('../package.json', module))
    if (!existsSync(description)) return undefined
    const { version } = JSON.parse(readFileSync(description, 'utf8')) as { readonly version: string }
    return { module, version }
  } catch {
    return undefined
  }
}

/** A model that is loaded in LiteRT. */
export interface LiteRtSession {
  /** @param inputs samples, one after the other. @returns their outputs, one after the other. */
  run(inputs: Float32Array): Promise<Float32Array>
  close(): void
}

/**
 * Loads a TFLite file in Google's LiteRT on the processor (WebAssembly, XNNPACK), in a process of its own: the package
 * needs globals that must not be seen elsewhere.
 * @param model with one float32 input and one float32 output, for one sample.
 * @throws OperationalError when LiteRT refuses the file.
 */
export async function openLiteRt({ module }: LiteRtInstallation, model: Uint8Array): Promise<LiteRtSession> {
  const worker = fork(fileURLToPath(new URL(`./worker.${extension}`, import.meta.url)), [], {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  worker.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4000)
  })
  const close = (): void => void worker.kill()
  const exchange = async (request: LiteRtRequest): Promise<Float32Array | undefined> => {
    const { outputs, error } = await ask(worker, request)
    if (error === undefined) return outputs
    close()
    const reason = said.split('\n').findLast((line) => /^ERROR|Error:/.test(line)) ?? ''
    throw new OperationalError(`LiteRT does not run the file: ${`${error} ${reason}`.trim().slice(0, 300)}`)
  }
  await exchange({ module, model })
  return { run: async (inputs) => (await exchange({ inputs })) ?? new Float32Array(), close }
}

function ask(worker: ChildProcess, request: LiteRtRequest): Promise<LiteRtAnswer> {
  return new Promise((resolve) => {
    const settle = (answer: LiteRtAnswer): void => {
      worker.off('message', settle)
      worker.off('exit', ended)
      worker.off('error', failed)
      resolve(answer)
    }
    const ended = (code: number | null): void => settle({ error: `its process ended with code ${code}` })
    const failed = (error: Error): void => settle({ error: error.message })
    worker.on('message', settle)
    worker.on('exit', ended)
    worker.on('error', failed)
    worker.send(request)
  })
}
