import {
  advance,
  f64,
  f64x2,
  fill,
  get,
  i8x16,
  i16x8,
  i32,
  i32x4,
  repeatWhile,
  returns,
  set,
  shifted,
  v128,
  type WrittenFunction,
  when,
} from './assembler.ts'

/** Most keys that these functions sort: places and counts are held in 16 bits. */
export const MOST_KEYS = 1 << 15
/** Room for the second value of a last pair; a multiple of eight keeps addresses even. */
const ROOM = MOST_KEYS + 8
/** Addresses in the memory, in bytes. */
export const KEYS = 64
export const SORTED = KEYS + 8 * ROOM
export const SUMS = SORTED + 8 * ROOM
export const ORDER = SUMS + 8 * ROOM
const LEVELS = ORDER + 4 * ROOM
const STARTS = LEVELS + 2 * ROOM
/** Most levels are twice the most keys. */
export const POINTS = STARTS + 4 * MOST_KEYS
/** Most values, points times objectives, that fit. */
export const MOST_VALUES = 1 << 18
/** Twice the values: one point more than there are is written and read. Pages that nobody touches cost nothing. */
export const POINTS_END = POINTS + 8 * 2 * MOST_VALUES

/**
 * `column(from, step, count)`: copies every `step` bytes a value from `POINTS + from` on to the keys. At 0 in the memory
 * come the least and the greatest, each of the even and of the odd keys, and two sums that are 0 if all keys are finite.
 * With an odd count one value more is read.
 */
export function column(): WrittenFunction {
  const [from, step, count] = [0, 1, 2] as const
  const [to, end, pair, least, most, none] = [3, 4, 5, 6, 7, 8] as const
  return {
    name: 'column',
    parameters: ['i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'v128', 'v128', 'v128', 'v128'],
    body: [
      set(end, shifted(count, 3)),
      set(least, f64x2.splat(f64.load(get(from), POINTS))),
      set(most, get(least)),
      repeatWhile(
        [
          set(pair, v128.load64_zero(get(from), POINTS)),
          set(from, i32.add(get(from), get(step))),
          set(pair, v128.load64_high(get(from), POINTS, get(pair))),
          set(from, i32.add(get(from), get(step))),
          v128.store(get(to), KEYS, get(pair)),
          set(least, f64x2.pmin(get(least), get(pair))),
          set(most, f64x2.pmax(get(most), get(pair))),
          set(none, f64x2.add(get(none), f64x2.mul(get(pair), v128.zero))),
          advance(to, 16),
        ],
        i32.lt_s(get(to), get(end)),
      ),
      v128.store(i32.const(0), 0, get(least)),
      v128.store(i32.const(0), 16, get(most)),
      v128.store(i32.const(0), 32, get(none)),
    ],
  }
}

/** Added to a number below 2³², this leaves it, rounded, in the lowest bits. */
const ROUNDING = 2 ** 52

/**
 * `sort(count, levels, least, scale, moves)`: order and sorted keys. Keys are dealt out to `levels` levels, a power of
 * two, then sorted by insertion. Returns 0 as soon as that takes more than `moves` moves, else 1.
 */
export function sort(): WrittenFunction {
  const [count, levels, least, scale, moves] = [0, 1, 2, 3, 4] as const
  const [at, end, level, place, key, before] = [5, 6, 7, 8, 9, 10] as const
  const [sums, carry, leasts, scales, pair] = [11, 12, 13, 14, 15] as const
  /** Sums of the eight counts up to each: every shift adds what lies 1, 2 and 4 places before. */
  const addShifted = (bytes: number) =>
    set(
      sums,
      i16x8.add(
        get(sums),
        i8x16.shuffle(
          v128.zero,
          get(sums),
          Array.from({ length: 16 }, (_, i) => 16 - bytes + i),
        ),
      ),
    )
  const lastLane = Array.from({ length: 16 }, (_, i) => 14 + (i % 2))
  const insert = [
    set(place, get(at)),
    set(level, i32.load(shifted(at, 2), ORDER)),
    repeatWhile(
      [
        f64.store(shifted(place, 3), SORTED, f64.load(shifted(place, 3), SORTED - 8)),
        i32.store(shifted(place, 2), ORDER, i32.load(shifted(place, 2), ORDER - 4)),
        advance(place, -1),
        advance(moves, -1),
      ],
      f64.gt(f64.load(shifted(place, 3), SORTED - 8), get(key)),
    ),
    f64.store(shifted(place, 3), SORTED, get(key)),
    i32.store(shifted(place, 2), ORDER, get(level)),
    when(i32.lt_s(get(moves), i32.const(0)), [returns(i32.const(0))]),
  ]
  return {
    name: 'sort',
    parameters: ['i32', 'i32', 'f64', 'f64', 'i32'],
    locals: ['i32', 'i32', 'i32', 'i32', 'f64', 'f64', 'v128', 'v128', 'v128', 'v128', 'v128'],
    result: 'i32',
    body: [
      fill(i32.const(STARTS), 0, shifted(levels, 1)),
      set(leasts, f64x2.splat(get(least))),
      set(scales, f64x2.splat(get(scale))),
      repeatWhile(
        [
          set(pair, f64x2.mul(f64x2.sub(v128.load(shifted(at, 3), KEYS), get(leasts)), get(scales))),
          set(pair, f64x2.add(get(pair), f64x2.splat(f64.const(ROUNDING)))),
          ...[0, 1].flatMap((lane) => [
            set(level, i32x4.extract_lane(get(pair), 2 * lane)),
            i32.store16(shifted(at, 1), LEVELS + 2 * lane, get(level)),
            i32.store16(shifted(level, 1), STARTS, i32.add(i32.load16(shifted(level, 1), STARTS), i32.const(1))),
          ]),
          advance(at, 2),
        ],
        i32.lt_s(get(at), get(count)),
      ),
      set(at, i32.const(0)),
      set(end, shifted(levels, 1)),
      repeatWhile(
        [
          set(sums, v128.load(get(at), STARTS)),
          addShifted(2),
          addShifted(4),
          addShifted(8),
          set(sums, i16x8.add(get(sums), get(carry))),
          v128.store(get(at), STARTS, i16x8.sub(get(sums), v128.load(get(at), STARTS))),
          set(carry, i8x16.shuffle(get(sums), get(sums), lastLane)),
          advance(at, 16),
        ],
        i32.lt_s(get(at), get(end)),
      ),
      set(at, i32.const(0)),
      repeatWhile(
        [
          ...[0, 1].flatMap((next) => [
            set(level, i32.load16(shifted(at, 1), LEVELS + 2 * next)),
            set(place, i32.load16(shifted(level, 1), STARTS)),
            i32.store16(shifted(level, 1), STARTS, i32.add(get(place), i32.const(1))),
            i32.store(shifted(place, 2), ORDER, i32.add(get(at), i32.const(next))),
            f64.store(shifted(place, 3), SORTED, f64.load(shifted(at, 3), KEYS + 8 * next)),
          ]),
          advance(at, 2),
        ],
        i32.lt_s(get(at), get(count)),
      ),
      set(at, i32.const(0)),
      set(before, f64.const(Number.NEGATIVE_INFINITY)),
      f64.store(i32.const(0), SORTED - 8, get(before)),
      repeatWhile(
        [
          set(key, f64.load(shifted(at, 3), SORTED)),
          when(f64.lt(get(key), get(before)), insert, [set(before, get(key))]),
          advance(at, 1),
        ],
        i32.lt_s(get(at), get(count)),
      ),
      returns(i32.const(1)),
    ],
  }
}

/**
 * `gaps(count, range)`: adds to the sum of each point but the first the gap between its neighbours over the range, two
 * at a time. Behind the sorted keys and the order one more of each is read and, with an odd number, one sum written.
 */
export function gaps(): WrittenFunction {
  const [count, range] = [0, 1] as const
  const [at, point, gap, ranges] = [2, 3, 4, 5] as const
  const addGap = (lane: number) => [
    set(point, i32.shl(i32.load(shifted(at, 2), ORDER + 4 * lane), i32.const(3))),
    f64.store(get(point), SUMS, f64.add(f64.load(get(point), SUMS), f64x2.extract_lane(get(gap), lane))),
  ]
  return {
    name: 'gaps',
    parameters: ['i32', 'f64'],
    locals: ['i32', 'i32', 'v128', 'v128'],
    body: [
      set(ranges, f64x2.splat(get(range))),
      set(at, i32.const(1)),
      repeatWhile(
        [
          set(gap, f64x2.sub(v128.load(shifted(at, 3), SORTED + 8), v128.load(shifted(at, 3), SORTED - 8))),
          set(gap, f64x2.div(get(gap), get(ranges))),
          ...addGap(0),
          ...addGap(1),
          advance(at, 2),
        ],
        i32.lt_s(get(at), get(count)),
      ),
    ],
  }
}
