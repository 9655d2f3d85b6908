/** Instructions of WebAssembly as bytes: an expression leaves its value on the stack, a statement nothing. */
export type Code = readonly number[]

const TYPES = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b } as const
type ValueType = keyof typeof TYPES
const VOID = 0x40
const END = 0x0b

/** Whole numbers of variable length, signed: what constants hold. */
function signed(value: number): Code {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const low = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

function unsigned(value: number): Code {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const low = rest & 0x7f
    rest >>>= 7
    if (rest === 0) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

type Operator = (...operands: readonly Code[]) => Code
const operator =
  (...opcode: Code): Operator =>
  (...operands) => [...operands.flat(), ...opcode]
const simd = (opcode: number, ...rest: Code): Code => [0xfd, ...unsigned(opcode), ...rest]
/** Loads and stores take the address and a constant that is added to it, in bytes; no alignment is promised. */
const load =
  (...opcode: Code) =>
  (address: Code, offset = 0): Code => [...address, ...opcode, 0, ...unsigned(offset)]
const store =
  (...opcode: Code) =>
  (address: Code, offset: number, value: Code): Code => [...address, ...value, ...opcode, 0, ...unsigned(offset)]

/** Named as in WebAssembly's text format. */
export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  load: load(0x28),
  load8: load(0x2d),
  load16: load(0x2f),
  store: store(0x36),
  store8: store(0x3a),
  store16: store(0x3b),
  eqz: operator(0x45),
  lt_s: operator(0x48),
  gt_s: operator(0x4a),
  ge_s: operator(0x4e),
  add: operator(0x6a),
  sub: operator(0x6b),
  mul: operator(0x6c),
  and: operator(0x71),
  or: operator(0x72),
  shl: operator(0x74),
  shr_u: operator(0x76),
  wrap_i64: operator(0xa7),
} as const
export const i64 = {
  const: (value: number): Code => [0x42, ...signed(value)],
  ne: operator(0x52),
  clz: operator(0x79),
  xor: operator(0x85),
  shl: operator(0x86),
  extend_i32_u: operator(0xad),
} as const
export const f64 = {
  const: (value: number): Code => [0x44, ...new Uint8Array(new Float64Array([value]).buffer)],
  load: load(0x2b),
  store: store(0x39),
  ne: operator(0x62),
  lt: operator(0x63),
  gt: operator(0x64),
  add: operator(0xa0),
  sub: operator(0xa1),
  mul: operator(0xa2),
} as const
export const v128 = {
  load: load(...simd(0x00)),
  store: store(...simd(0x0b)),
  /** Replaces the second half by 8 bytes from memory. */
  load64_high: (address: Code, offset: number, value: Code): Code => [
    ...address,
    ...value,
    ...simd(0x57, 0, ...unsigned(offset), 1),
  ],
  /** 4 bytes from memory, four times. */
  load32_splat: load(...simd(0x09)),
  /** 8 bytes from memory, then zeros. */
  load64_zero: load(...simd(0x5d)),
  zero: simd(0x0c, ...Array<number>(16).fill(0)),
  and: operator(...simd(0x4e)),
  any_true: operator(...simd(0x53)),
} as const
export const i8x16 = {
  /** 16 of the bytes of two vectors, those of the second counted from 16. */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [...a, ...b, ...simd(0x0d, ...lanes)],
} as const
export const i16x8 = { add: operator(...simd(0x8e)), sub: operator(...simd(0x91)) } as const
export const i32x4 = {
  add: operator(...simd(0xae)),
  /** Products of eight pairs of 16 bits, added two by two: four sums of 32 bits. */
  dot_i16x8_s: operator(...simd(0xba)),
  /** Products of 16 bits in 32 bits: of the first four pairs, or of the last. */
  extmul_low_i16x8_s: operator(...simd(0xbc)),
  extmul_high_i16x8_s: operator(...simd(0xbd)),
  extract_lane: (value: Code, lane: number): Code => [...value, ...simd(0x1b, lane)],
} as const
export const i64x2 = {
  extract_lane: (value: Code, lane: number): Code => [...value, ...simd(0x1d, lane)],
} as const
export const f64x2 = {
  splat: operator(...simd(0x14)),
  extract_lane: (value: Code, lane: number): Code => [...value, ...simd(0x21, lane)],
  gt: operator(...simd(0x4a)),
  add: operator(...simd(0xf0)),
  sub: operator(...simd(0xf1)),
  mul: operator(...simd(0xf2)),
  div: operator(...simd(0xf3)),
  /** The second where it is smaller (greater) than the first, else the first. */
  pmin: operator(...simd(0xf6)),
  pmax: operator(...simd(0xf7)),
} as const

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]
/** Adds a number or a value to a local. */
export const advance = (local: number, by: number | Code): Code =>
  set(local, i32.add(get(local), typeof by === 'number' ? i32.const(by) : by))
/** A local times a power of two. */
export const shifted = (local: number, bits: number): Code => i32.shl(get(local), i32.const(bits))
/** Runs `body` again as long as `condition` holds after it. */
export const repeatWhile = (body: readonly Code[], condition: Code): Code => [
  ...[0x03, VOID],
  ...body.flat(),
  ...condition,
  ...[0x0d, 0, END],
]
/** Runs `body` as many times as the local says, at least once; the local ends at 0. */
export const repeat = (counter: number, ...body: readonly Code[]): Code =>
  repeatWhile([...body, advance(counter, -1)], get(counter))
export const when = (condition: Code, then: readonly Code[], otherwise: readonly Code[] = []): Code => [
  ...condition,
  ...[0x04, VOID],
  ...then.flat(),
  ...(otherwise.length > 0 ? [0x05, ...otherwise.flat()] : []),
  END,
]
export const returns = (value: Code): Code => [...value, 0x0f]
/** Sets bytes to a value of 0 to 255. */
export const fill = (address: Code, value: number, bytes: Code): Code => [
  ...address,
  ...i32.const(value),
  ...bytes,
  ...[0xfc, ...unsigned(11), 0],
]
export const copy = (to: Code, from: Code, bytes: Code): Code => [...to, ...from, ...bytes, 0xfc, ...unsigned(10), 0, 0]

export interface WrittenFunction {
  readonly name: string
  /** Locals are numbered: first the parameters, then the others. */
  readonly parameters: readonly ValueType[]
  readonly locals: readonly ValueType[]
  readonly result?: ValueType
  readonly body: readonly Code[]
}

const counted = (parts: readonly Code[]): Code => [...unsigned(parts.length), ...parts.flat()]
const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes]
const text = (value: string): Code => sized([...new TextEncoder().encode(value)])

/** What is used of WebAssembly, which Node's types leave out. */
export interface WebAssemblyNamespace {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Memory: new (limits: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}
export const PAGE_BYTES = 1 << 16

/** Undefined where a program has been started without it. */
export const webAssembly = (): WebAssemblyNamespace | undefined =>
  (globalThis as unknown as { readonly WebAssembly?: WebAssemblyNamespace }).WebAssembly

/** A module of some functions, exported by their names, over an imported memory `m.memory`. */
export function assemble(functions: readonly WrittenFunction[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: Code): Code => [id, ...sized(content)]
  const types = functions.map(({ parameters, result }): Code => {
    const results = result === undefined ? [] : [TYPES[result]]
    return [0x60, ...sized(parameters.map((type) => TYPES[type])), ...sized(results)]
  })
  const bodies = functions.map(({ locals, body }) =>
    sized([...counted(locals.map((type) => [1, TYPES[type]])), ...body.flat(), END]),
  )
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, counted(types)),
    ...section(2, counted([[...text('m'), ...text('memory'), 2, 0, 0]])),
    ...section(3, counted(functions.map((_, i) => unsigned(i)))),
    ...section(7, counted(functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]))),
    ...section(10, counted(bodies)),
  ])
}
