import {
  advance,
  type Code,
  f64,
  f64x2,
  get,
  i32,
  i32x4,
  repeat,
  repeatWhile,
  set,
  shifted,
  v128,
  type WrittenFunction,
  when,
} from '../../pareto/assembler.ts'

/** Where things lie in memory, in bytes. */
export interface KernelLayout {
  /** Entries of a genome's tables, 32 bytes for each code. */
  readonly tables: number
  /** What a genome costs. */
  readonly ownCosts: number
  /** e^−x at steps of x, with a 0 behind the last. */
  readonly exponentials: number
  readonly covariances: number
  /** From one cost of the rows to the next. */
  readonly costStride: number
}

const ENTRY_BITS = 5
const positive = (value: number): Code => f64.gt(get(value), f64.const(0))
/** Instructions of vectors of two numbers. */
const floor = (value: Code): Code => [...value, 0xfd, 0x75]
const truncated = (value: Code): Code => [...value, 0xfd, 0xfd, 0x01]

/**
 * `measure(codes, genes, lengths, costs, costCount, rows, to, stride, ownLength)`: the distances of rows, of which the first has its
 * codes, length of counts and costs at the given addresses. The five distances of a row are written `stride` bytes apart. Two
 * rows at a time, because additions to one sum wait for each other; of an odd number of rows one more is measured. At least one
 * row and one gene.
 */
export function measure({ tables, ownCosts, costStride }: KernelLayout): WrittenFunction {
  const [codes, genes, lengths, costs, costCount, rows, to, stride, ownLength] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const
  const [second, left, entry, cost, own, into] = [9, 10, 11, 12, 13, 14] as const
  const sums = [15, 16, 17, 18] as const
  const [squared, apart] = [19, 20] as const
  const addEntries = (row: number, low: number, high: number) => [
    set(entry, i32.shl(i32.load16(get(row)), i32.const(ENTRY_BITS))),
    set(low, f64x2.add(get(low), v128.load(get(entry), tables))),
    set(high, f64x2.add(get(high), v128.load(get(entry), tables + 16))),
    advance(row, 2),
  ]
  /** The four sums of a row: mismatches, those with learned distances, the product of counts, squares. */
  const storeSums = (low: number, high: number, offset: number) => [
    set(into, get(to)),
    f64.store(get(into), offset, f64x2.extract_lane(get(low), 0)),
    advance(into, get(stride)),
    f64.store(get(into), offset, f64x2.extract_lane(get(low), 1)),
    advance(into, get(stride)),
    f64.store(get(into), offset, f64x2.extract_lane(get(high), 1)),
    advance(into, get(stride)),
    f64.store(
      get(into),
      offset,
      f64.sub(
        f64.add(get(ownLength), f64.load(get(lengths), offset)),
        f64.mul(f64.const(2), f64x2.extract_lane(get(high), 0)),
      ),
    ),
  ]
  return {
    name: 'measure',
    parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f64'],
    locals: [...Array<'i32'>(6).fill('i32'), ...Array<'v128'>(6).fill('v128')],
    body: [
      repeatWhile(
        [
          set(second, i32.add(get(codes), shifted(genes, 1))),
          ...sums.map((sum) => set(sum, v128.zero)),
          set(left, get(genes)),
          repeat(left, ...addEntries(codes, sums[0], sums[1]), ...addEntries(second, sums[2], sums[3])),
          set(codes, get(second)),
          ...storeSums(sums[0], sums[1], 0),
          ...storeSums(sums[2], sums[3], 8),
          set(squared, v128.zero),
          set(left, get(costCount)),
          set(cost, get(costs)),
          set(own, i32.const(0)),
          when(get(left), [
            repeat(
              left,
              set(apart, f64x2.sub(v128.load(get(cost)), f64x2.splat(f64.load(get(own), ownCosts)))),
              set(squared, f64x2.add(get(squared), f64x2.mul(get(apart), get(apart)))),
              advance(cost, costStride),
              advance(own, 8),
            ),
          ]),
          v128.store(i32.add(get(into), get(stride)), 0, get(squared)),
          advance(lengths, 16),
          advance(costs, 16),
          advance(to, 16),
          advance(rows, -2),
        ],
        i32.gt_s(get(rows), i32.const(0)),
      ),
    ],
  }
}

/**
 * `covariances(distances, stride, count, mainWeight, mainRate, weight, rate, countWeight, countRate, smoothWeight, smoothRate,
 * costWeight, costRate)`: what the kernel makes of so many distances, the five of each `stride` bytes apart, two at a time; of an
 * odd number one more is made. At least one.
 * @param steps entries of the table for each unit
 * @param last number of its entries before the 0
 */
export function covariances(
  { exponentials, covariances: result }: KernelLayout,
  steps: number,
  last: number,
): WrittenFunction {
  const [distances, stride, count, mainWeight, mainRate] = [0, 1, 2, 3, 4] as const
  const parts = { apart: [5, 6], counts: [7, 8], squares: [9, 10], costs: [11, 12] } as const
  const [at, squares, to, covariance, scaled, whole, rest, power] = [13, 14, 15, 16, 17, 18, 19, 20] as const
  const splat = (value: number): Code => f64x2.splat(f64.const(value))
  /** 1 + rest · (1 + rest · (1/2 + …)) */
  const series = [1 / 24, 1 / 6, 1 / 2, 1, 1].reduce<Code>(
    (inner, term) => f64x2.add(splat(term), f64x2.mul(get(rest), inner)),
    splat(1 / 120),
  )
  const entryOf = (lane: number): Code => i32.shl(i32x4.extract_lane(get(power), lane), i32.const(3))
  /** weight · e^(−rate · distance), as `decayed` works it out; what is no number counts as too large. */
  const falling = ([weight, rate]: readonly [number, number], distance: Code): Code[] => [
    set(scaled, f64x2.pmin(splat(last), f64x2.mul(f64x2.mul(f64x2.splat(get(rate)), distance), splat(steps)))),
    set(whole, floor(get(scaled))),
    set(rest, f64x2.mul(f64x2.sub(get(whole), get(scaled)), splat(1 / steps))),
    set(power, truncated(get(whole))),
    set(power, v128.load64_high(entryOf(1), exponentials, v128.load64_zero(entryOf(0), exponentials))),
    set(covariance, f64x2.add(get(covariance), f64x2.mul(f64x2.splat(get(weight)), f64x2.mul(get(power), series)))),
  ]
  const next = advance(at, get(stride))
  return {
    name: 'covariances',
    parameters: ['i32', 'i32', 'i32', ...Array<'f64'>(10).fill('f64')],
    locals: ['i32', 'i32', 'i32', ...Array<'v128'>(5).fill('v128')],
    body: [
      repeatWhile(
        [
          set(at, get(distances)),
          set(
            covariance,
            f64x2.sub(f64x2.splat(get(mainWeight)), f64x2.mul(f64x2.splat(get(mainRate)), v128.load(get(at)))),
          ),
          next,
          ...falling(parts.apart, v128.load(get(at))),
          next,
          set(squares, get(at)),
          next,
          when(positive(parts.counts[0]), falling(parts.counts, f64x2.pmax(v128.zero, v128.load(get(at))))),
          when(positive(parts.squares[0]), falling(parts.squares, v128.load(get(squares)))),
          next,
          when(positive(parts.costs[0]), falling(parts.costs, v128.load(get(at)))),
          v128.store(get(to), result, get(covariance)),
          advance(to, 16),
          advance(distances, 16),
          advance(count, -2),
        ],
        i32.gt_s(get(count), i32.const(0)),
      ),
    ],
  }
}
