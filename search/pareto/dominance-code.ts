import {
  advance,
  copy,
  f64,
  f64x2,
  fill,
  get,
  i32,
  i64,
  i64x2,
  repeatWhile,
  set,
  shifted,
  v128,
  type WrittenFunction,
  when,
} from './assembler.ts'
import { MOST_KEYS, MOST_VALUES, ORDER, POINTS, POINTS_END, SORTED } from './sort-code.ts'

/** Rank of each point. */
export const RANKS = POINTS_END
/** The highest rank so far in each block of 128 points. */
const HIGHEST = RANKS + 4 * MOST_KEYS
/** For each point and objective but the first, the address of the set that holds all points which are no worse there. */
const SET_OF = HIGHEST + 4 * (MOST_KEYS >> 7) + 16
/** Bit sets of points. */
export const SETS = SET_OF + 4 * MOST_VALUES
export const SETS_BYTES = 1 << 22
export const MEMORY_END = SETS + SETS_BYTES

/**
 * `prefixes(count, shift, bytes, sets, place, width)`: after a sort, writes from `sets` on the bit sets, of `bytes` bytes,
 * of the first 2^shift points, of twice as many and so on; and for each point, at `place` among the `width` addresses it
 * has, that of the smallest set with all points whose key is no greater.
 */
export function prefixes(): WrittenFunction {
  const [count, shift, bytes, sets, place, width] = [0, 1, 2, 3, 4, 5] as const
  const [at, end, to, point, byte] = [6, 7, 8, 9, 10] as const
  const pointAt = set(point, i32.load(shifted(at, 2), ORDER))
  return {
    name: 'prefixes',
    parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    locals: ['i32', 'i32', 'i32', 'i32', 'i32'],
    body: [
      set(to, get(sets)),
      fill(get(to), 0, get(bytes)),
      repeatWhile(
        [
          set(end, i32.add(get(at), i32.shl(i32.const(1), get(shift)))),
          when(i32.gt_s(get(end), get(count)), [set(end, get(count))]),
          repeatWhile(
            [
              pointAt,
              set(byte, i32.add(get(to), i32.shr_u(get(point), i32.const(3)))),
              i32.store8(
                get(byte),
                0,
                i32.or(i32.load8(get(byte), 0), i32.shl(i32.const(1), i32.and(get(point), i32.const(7)))),
              ),
              advance(at, 1),
            ],
            i32.lt_s(get(at), get(end)),
          ),
          when(i32.lt_s(get(at), get(count)), [
            copy(i32.add(get(to), get(bytes)), get(to), get(bytes)),
            set(to, i32.add(get(to), get(bytes))),
          ]),
        ],
        i32.lt_s(get(at), get(count)),
      ),
      // Points that are equal here share the set of the last of them.
      set(end, get(count)),
      advance(at, -1),
      repeatWhile(
        [
          when(f64.ne(f64.load(shifted(at, 3), SORTED), f64.load(shifted(at, 3), SORTED + 8)), [
            set(end, i32.add(get(at), i32.const(1))),
          ]),
          set(to, i32.mul(i32.shr_u(i32.sub(get(end), i32.const(1)), get(shift)), get(bytes))),
          pointAt,
          i32.store(
            i32.shl(i32.add(i32.mul(get(point), get(width)), get(place)), i32.const(2)),
            SET_OF,
            i32.add(get(sets), get(to)),
          ),
          advance(at, -1),
        ],
        i32.ge_s(get(at), i32.const(0)),
      ),
    ],
  }
}

/**
 * `ranks(count, objectives, limit)`: ranks of distinct points in lexicographic order, of at least three objectives; those
 * above the limit are written as the limit.
 */
export function ranks(): WrittenFunction {
  const [count, objectives, limit] = [0, 1, 2] as const
  const [at, best, block, sets, rest, other, own, theirs, back, worse] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12] as const
  const [first, second, third, bits, both] = [13, 14, 15, 16, 17] as const
  const setOf = (place: number) => i32.load(get(sets), SET_OF + 4 * place)
  const loadSet = (from: number) => v128.load(i32.add(get(from), get(block)), 0)
  /** From the last two objectives back; the first is no worse as the order is lexicographic. */
  const compare = [
    set(own, i32.add(i32.mul(get(at), shifted(objectives, 3)), shifted(objectives, 3))),
    set(theirs, i32.add(i32.mul(get(other), shifted(objectives, 3)), shifted(objectives, 3))),
    set(back, i32.sub(get(objectives), i32.const(2))),
    repeatWhile(
      [
        set(own, i32.sub(get(own), i32.const(16))),
        set(theirs, i32.sub(get(theirs), i32.const(16))),
        set(worse, v128.any_true(f64x2.gt(v128.load(get(theirs), POINTS), v128.load(get(own), POINTS)))),
        advance(back, -2),
      ],
      i32.and(i32.ge_s(get(back), i32.const(0)), i32.eqz(get(worse))),
    ),
    when(i32.eqz(get(worse)), [set(best, i32.load(shifted(other, 2), RANKS))]),
  ]
  /** Visits the points of one half of a block, last ones first: they tend to have high ranks. */
  const visit = (half: number) => [
    set(bits, i64x2.extract_lane(get(both), half)),
    when(i64.ne(get(bits), i64.const(0)), [
      repeatWhile(
        [
          set(other, i32.sub(i32.const(63), i32.wrap_i64(i64.clz(get(bits))))),
          set(bits, i64.xor(get(bits), i64.shl(i64.const(1), i64.extend_i32_u(get(other))))),
          set(other, i32.add(i32.add(get(other), i32.const(64 * half)), shifted(block, 3))),
          when(i32.gt_s(i32.load(shifted(other, 2), RANKS), get(best)), compare),
        ],
        i64.ne(get(bits), i64.const(0)),
      ),
    ]),
  ]
  const highestOf = (address: readonly number[]) => i32.load(address, HIGHEST)
  const blockOfPoint = i32.shl(i32.shr_u(get(at), i32.const(7)), i32.const(2))
  return {
    name: 'ranks',
    parameters: ['i32', 'i32', 'i32'],
    locals: [...Array<'i32'>(13).fill('i32'), 'i64', 'v128'],
    body: [
      fill(i32.const(RANKS), 255, shifted(count, 2)),
      fill(i32.const(HIGHEST), 255, i32.add(i32.shl(i32.shr_u(get(count), i32.const(7)), i32.const(2)), i32.const(4))),
      repeatWhile(
        [
          set(best, i32.const(-1)),
          set(first, setOf(0)),
          set(second, setOf(1)),
          // With three objectives there are two sets only.
          set(third, get(second)),
          when(i32.gt_s(get(objectives), i32.const(3)), [set(third, setOf(2))]),
          set(block, i32.shl(i32.shr_u(get(at), i32.const(7)), i32.const(4))),
          repeatWhile(
            [
              when(i32.gt_s(highestOf(i32.shr_u(get(block), i32.const(2))), get(best)), [
                set(both, v128.and(v128.and(loadSet(first), loadSet(second)), loadSet(third))),
                set(rest, i32.const(4)),
                when(i32.lt_s(get(rest), get(objectives)), [
                  repeatWhile(
                    [
                      set(other, i32.load(i32.add(get(sets), shifted(rest, 2)), SET_OF - 4)),
                      set(both, v128.and(get(both), loadSet(other))),
                      advance(rest, 1),
                    ],
                    i32.lt_s(get(rest), get(objectives)),
                  ),
                ]),
                when(v128.any_true(get(both)), [...visit(1), ...visit(0)]),
              ]),
              advance(block, -16),
            ],
            i32.and(i32.ge_s(get(block), i32.const(0)), i32.lt_s(i32.add(get(best), i32.const(1)), get(limit))),
          ),
          advance(best, 1),
          when(i32.gt_s(get(best), get(limit)), [set(best, get(limit))]),
          i32.store(shifted(at, 2), RANKS, get(best)),
          when(i32.gt_s(get(best), highestOf(blockOfPoint)), [i32.store(blockOfPoint, HIGHEST, get(best))]),
          set(sets, i32.add(get(sets), i32.shl(i32.sub(get(objectives), i32.const(1)), i32.const(2)))),
          advance(at, 1),
        ],
        i32.lt_s(get(at), get(count)),
      ),
    ],
  }
}
