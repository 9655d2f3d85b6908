/** The few WebAssembly instructions that the reference's inner loops consist of, as bytes. */
export type Code = readonly number[]

const I32 = 0x7f
const V128 = 0x7b
const VOID = 0x40

/** Whole numbers of variable length, signed: what instructions and sections hold. */
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

const counted = (parts: readonly Code[]): Code => [...unsigned(parts.length), ...parts.flat()]
const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes]
const simd = (opcode: number, ...rest: Code): Code => [0xfd, ...unsigned(opcode), ...rest]
/** Byte offset from the address; no alignment is promised. */
const memory = (offset: number): Code => [0, ...unsigned(offset)]

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, ...value: readonly Code[]): Code => [...value.flat(), 0x21, ...unsigned(local)]
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const constant = (value: number): Code => [0x41, ...signed(value)]
/** Adds a whole number to a local. */
export const advance = (local: number, by: Code): Code => set(local, add(get(local), by))

/** 16 bytes from memory. */
export const load = (address: Code, offset = 0): Code => [...address, ...simd(0x00, ...memory(offset))]
/** 4 bytes from memory, four times. */
export const loadSplat = (address: Code): Code => [...address, ...simd(0x09, ...memory(0))]
export const store = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  ...simd(0x0b, ...memory(offset)),
]
export const add4 = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xae)]
/** Products of eight pairs of 16 bits, added two by two: four sums of 32 bits. */
export const dot = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xba)]
/** Products of 16 bits in 32 bits: of the first four pairs, or of the last. */
export const productsLow = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xbc)]
export const productsHigh = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xbd)]

/** Runs `body` as many times as the local says, at least once; the local ends at 0. */
export const repeat = (counter: number, ...body: readonly Code[]): Code => [
  ...[0x03, VOID],
  ...body.flat(),
  ...set(counter, add(get(counter), constant(-1))),
  ...get(counter),
  ...[0x0d, 0],
  0x0b,
]

export interface WrittenFunction {
  readonly name: string
  /** Parameters, all whole numbers, are locals from 0; then come `integers` and `vectors`. */
  readonly parameters: number
  readonly integers: number
  readonly vectors: number
  readonly body: readonly Code[]
}

const text = (value: string): Code => sized([...Buffer.from(value)])

/** A module of some functions over an imported memory `m.memory`. */
export function assemble(functions: readonly WrittenFunction[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: Code): Code => [id, ...sized(content)]
  const types = functions.map(({ parameters }): Code => [0x60, ...sized(Array<number>(parameters).fill(I32)), 0])
  const bodies = functions.map(({ integers, vectors, body }) => {
    const locals = counted([
      [...unsigned(integers), I32],
      [...unsigned(vectors), V128],
    ])
    return sized([...locals, ...body.flat(), 0x0b])
  })
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, counted(types)),
    ...section(2, counted([[...text('m'), ...text('memory'), 2, 0, 0]])),
    ...section(3, counted(functions.map((_, i) => unsigned(i)))),
    ...section(7, counted(functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]))),
    ...section(10, counted(bodies)),
  ])
}
