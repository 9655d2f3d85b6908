import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import type { LiteRtAnswer, LiteRtRequest } from './run-litert.ts'

/** The little of `@litertjs/core` that is used here: the package itself need not be installed. */
interface LiteRt {
  loadLiteRt(wasmFolder: string): Promise<unknown>
  loadAndCompile(model: Uint8Array, options: { readonly accelerator: 'wasm' }): Promise<Model>
  readonly Tensor: new (data: Float32Array, dims: readonly number[]) => LiteRtTensor
}
interface Model {
  getInputDetails(): readonly { readonly shape: Int32Array }[]
  run(input: LiteRtTensor): Promise<readonly LiteRtTensor[]>
}
interface LiteRtTensor {
  toTypedArray(): Float32Array
  delete(): void
}

const fileOf = (address: string): string => (address.startsWith('file:') ? fileURLToPath(address) : address)

/**
 * The package is made for browsers: it loads its WebAssembly with `importScripts` and `fetch`, and its script looks for
 * Node's `require` and `__dirname`. These are put into this process, which does nothing else.
 */
function pretendToBeABrowserWorker(): void {
  Object.assign(globalThis, {
    self: globalThis,
    require: createRequire(import.meta.url),
    importScripts: (address: string) => {
      const file = fileOf(address)
      Object.assign(globalThis, { __filename: file, __dirname: path.dirname(file) })
      vm.runInThisContext(readFileSync(file, 'utf8'), { filename: file })
    },
    fetch: async (address: string | URL) =>
      new Response(readFileSync(fileOf(String(address))), { headers: { 'content-type': 'application/wasm' } }),
  })
}

type Runner = (inputs: Float32Array) => Promise<Float32Array>

async function open(module: string, model: Uint8Array): Promise<Runner> {
  pretendToBeABrowserWorker()
  const { loadLiteRt, loadAndCompile, Tensor } = (await import(module)) as LiteRt
  await loadLiteRt(`${path.join(path.dirname(fileOf(module)), '..', 'wasm')}${path.sep}`)
  const compiled = await loadAndCompile(model, { accelerator: 'wasm' })
  const dims = [...compiled.getInputDetails()[0]!.shape]
  const size = dims.reduce((product, length) => product * length, 1)
  return async (inputs) => {
    const rows: Float32Array[] = []
    for (let at = 0; at < inputs.length; at += size) {
      const input = new Tensor(inputs.slice(at, at + size), dims)
      const [output] = await compiled.run(input)
      rows.push(output!.toTypedArray().slice())
      input.delete()
      output!.delete()
    }
    const width = rows[0]?.length ?? 0
    const all = new Float32Array(rows.length * width)
    for (const [i, row] of rows.entries()) all.set(row, i * width)
    return all
  }
}

let runner: Promise<Runner> | undefined

async function answer(request: LiteRtRequest): Promise<LiteRtAnswer> {
  try {
    if ('model' in request) {
      runner = open(request.module, request.model)
      await runner
      return {}
    }
    return { outputs: await (await runner!)(request.inputs) }
  } catch (error) {
    return { error: String(error) }
  }
}

process.on('message', async (request: LiteRtRequest) => process.send!(await answer(request)))
