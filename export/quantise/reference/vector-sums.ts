import {
  advance,
  assemble,
  get,
  i32,
  i32x4,
  PAGE_BYTES,
  repeat,
  set,
  v128,
  type WrittenFunction,
  webAssembly,
} from '../../../search/pareto/assembler.ts'

/** Filters, or channels, that are computed together. */
export const LANES = 8

/**
 * Sums of products of 16 bits in 32 bits. Addresses, strides and steps are in bytes.
 * - `products` computes all filters of two windows, `step` apart: windows of `rows` rows, `stride` apart, of `pairs` pairs of
 *   values. Weights lie as `[filters / 8][row][pair][8][2]`, biases and sums as `[filters]`; the second window's sums `second`
 *   behind the first's.
 * - `depthwise` computes one window of `rows` rows of `columns` pixels for all channels. Weights lie as
 *   `[channels / 8][row][column][8]`.
 */
export interface VectorSums {
  products(
    x: number,
    weights: number,
    bias: number,
    sums: number,
    second: number,
    blocks: number,
    rows: number,
    pairs: number,
    stride: number,
    step: number,
  ): void
  depthwise(
    x: number,
    weights: number,
    bias: number,
    sums: number,
    blocks: number,
    rows: number,
    columns: number,
    stride: number,
    pixel: number,
  ): void
}

const of = <T extends 'i32' | 'v128'>(count: number, type: T) => Array<T>(count).fill(type)

function products(): WrittenFunction {
  const [x, w, bias, sums, second, blocks, rows, pairs, stride, step] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const
  const [row, pair, line, at] = [10, 11, 12, 13] as const
  const [a0, a1, b0, b1, w0, w1, value] = [14, 15, 16, 17, 18, 19, 20] as const
  const accumulate = (sum: number, weights: number) =>
    set(sum, i32x4.add(get(sum), i32x4.dot_i16x8_s(get(weights), get(value))))
  const body = repeat(
    blocks,
    set(a0, v128.load(get(bias))),
    set(a1, v128.load(get(bias), 16)),
    set(b0, get(a0)),
    set(b1, get(a1)),
    set(line, get(x)),
    set(row, get(rows)),
    repeat(
      row,
      set(at, get(line)),
      set(pair, get(pairs)),
      repeat(
        pair,
        set(w0, v128.load(get(w))),
        set(w1, v128.load(get(w), 16)),
        set(value, v128.load32_splat(get(at))),
        accumulate(a0, w0),
        accumulate(a1, w1),
        set(value, v128.load32_splat(i32.add(get(at), get(step)))),
        accumulate(b0, w0),
        accumulate(b1, w1),
        advance(w, 32),
        advance(at, 4),
      ),
      advance(line, get(stride)),
    ),
    v128.store(get(sums), 0, get(a0)),
    v128.store(get(sums), 16, get(a1)),
    v128.store(i32.add(get(sums), get(second)), 0, get(b0)),
    v128.store(i32.add(get(sums), get(second)), 16, get(b1)),
    advance(sums, 32),
    advance(bias, 32),
  )
  return { name: 'products', parameters: of(10, 'i32'), locals: [...of(4, 'i32'), ...of(7, 'v128')], body: [body] }
}

function depthwise(): WrittenFunction {
  const [x, w, bias, sums, blocks, rows, columns, stride, pixel] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const
  const [row, column, line, at] = [9, 10, 11, 12] as const
  const [low, high, weight, value] = [13, 14, 15, 16] as const
  const body = repeat(
    blocks,
    set(low, v128.load(get(bias))),
    set(high, v128.load(get(bias), 16)),
    set(line, get(x)),
    set(row, get(rows)),
    repeat(
      row,
      set(at, get(line)),
      set(column, get(columns)),
      repeat(
        column,
        set(weight, v128.load(get(w))),
        set(value, v128.load(get(at))),
        set(low, i32x4.add(get(low), i32x4.extmul_low_i16x8_s(get(weight), get(value)))),
        set(high, i32x4.add(get(high), i32x4.extmul_high_i16x8_s(get(weight), get(value)))),
        advance(w, 16),
        advance(at, get(pixel)),
      ),
      advance(line, get(stride)),
    ),
    v128.store(get(sums), 0, get(low)),
    v128.store(get(sums), 16, get(high)),
    advance(sums, 32),
    advance(bias, 32),
    advance(x, 16),
  )
  return { name: 'depthwise', parameters: of(9, 'i32'), locals: [...of(4, 'i32'), ...of(4, 'v128')], body: [body] }
}

const { Module, Memory, Instance } = webAssembly()!
const module = new Module(assemble([products(), depthwise()]))
/** Vectors are read up to their end, which may lie behind the last value. */
const SLACK = 64

export interface Arena {
  readonly buffer: ArrayBuffer
  readonly sums: VectorSums
}

/** The memory of one interpreter: kernels reserve their parts of it while they are prepared, and fill them when it is there. */
export class ArenaPlan {
  #bytes = 0
  readonly #whenReady: ((arena: Arena) => void)[] = []

  /** Address of a part, on 16 bytes. */
  reserve(bytes: number): number {
    const address = this.#bytes
    this.#bytes += Math.ceil((bytes + SLACK) / 16) * 16
    return address
  }

  whenReady = (fill: (arena: Arena) => void): void => void this.#whenReady.push(fill)

  allocate(): void {
    const memory = new Memory({ initial: Math.max(Math.ceil(this.#bytes / PAGE_BYTES), 1) })
    const sums = new Instance(module, { m: { memory } }).exports as VectorSums
    for (const fill of this.#whenReady) fill({ buffer: memory.buffer, sums })
  }
}
