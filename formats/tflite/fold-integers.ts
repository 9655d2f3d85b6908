import type { FlatTable } from './flatbuffer.ts'
import type { TfliteOperator } from './model.ts'

/** Whole numbers that a file computes from shapes; undefined where they are not known. */
type Integers = readonly number[] | undefined
type Fold = (operands: readonly Integers[], options: FlatTable | undefined) => Integers

const pairwise =
  (f: (a: number, b: number) => number): Fold =>
  ([a, b]) => {
    if (a === undefined || b === undefined) return undefined
    const length = Math.max(a.length, b.length)
    if ((a.length !== 1 && a.length !== length) || (b.length !== 1 && b.length !== length)) return undefined
    return Array.from({ length }, (_, i) => f(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!))
  }

const joined: Fold = (operands) => {
  const lists = operands.flatMap((list) => (list === undefined ? [] : [list]))
  return lists.length === operands.length ? lists.flat() : undefined
}

const same: Fold = ([x]) => x

/** Of a list only: begin, end and stride of its one axis. */
const stridedSlice: Fold = ([x, begin, end, stride], options) => {
  const lengths = [begin, end, stride].map((list) => list?.length)
  if (x === undefined || lengths.some((length) => length !== 1)) return undefined
  const bit = (field: number): boolean => ((options?.int32(field, 0) ?? 0) & 1) === 1
  const at = (place: number): number => Math.min(Math.max(place < 0 ? place + x.length : place, 0), x.length)
  const from = bit(0) ? 0 : at(begin![0]!)
  if (bit(4)) return x.slice(from, from + 1)
  const step = stride![0]!
  return step < 1 ? undefined : x.slice(from, bit(1) ? x.length : at(end![0]!)).filter((_, i) => i % step === 0)
}

const gather: Fold = ([x, places]) => {
  const picked = places?.map((place) => x?.[place])
  return picked?.every((value): value is number => value !== undefined) ? picked : undefined
}

const FOLDS: ReadonlyMap<string, Fold> = new Map<string, Fold>([
  ['STRIDED_SLICE', stridedSlice],
  ['GATHER', gather],
  ['PACK', joined],
  ['CONCATENATION', joined],
  ['ADD', pairwise((a, b) => a + b)],
  ['SUB', pairwise((a, b) => a - b)],
  ['MUL', pairwise((a, b) => a * b)],
  ['FLOOR_DIV', pairwise((a, b) => Math.floor(a / b))],
  ['MAXIMUM', pairwise(Math.max)],
  ['MINIMUM', pairwise(Math.min)],
  ['REDUCE_PROD', ([x]) => x && [x.reduce((product, value) => product * value, 1)]],
  ['CAST', same],
  ['RESHAPE', same],
  ['SQUEEZE', same],
  ['EXPAND_DIMS', same],
])

/** The whole numbers that an operator makes of those of its operands, all of which are stored or follow from shapes. */
export const foldIntegers = ({ name, options }: TfliteOperator, operands: readonly Integers[]): Integers =>
  FOLDS.get(name)?.(operands, options)
