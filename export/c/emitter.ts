import type { Multiplier } from '../quantise/types.ts'

/** Collects the constants of a C file; equal arrays are stored once. */
export class ConstantEmitter {
  readonly #lines: string[] = []
  readonly #names = new Map<string, string>()
  #bytes = 0

  /** Bytes of all arrays: what they take of flash. Structs are not counted. */
  get arrayBytes(): number {
    return this.#bytes
  }

  get text(): string {
    return this.#lines.join('\n')
  }

  /** A constant array; returns its name. */
  array(type: 'int8_t' | 'int32_t' | 'shift_t', values: Iterable<number>): string {
    return this.#store(type, Array.from(values, literal), type === 'int32_t' ? 4 : 1)
  }

  /** A constant array of fixed-point factors; returns its name. */
  factors(factors: readonly Multiplier[]): string {
    return this.#store(
      'factor_t',
      factors.map(({ multiplier, shift }) => `{${multiplier}, ${shift}}`),
      8,
    )
  }

  #store(type: string, items: readonly string[], itemBytes: number): string {
    const initialiser = wrap(items)
    const key = `${type}${initialiser}`
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const name = `data_${this.#names.size}`
    this.#names.set(key, name)
    this.#bytes += items.length * itemBytes
    this.#lines.push(`static const ${type} ${name}[${items.length}] = {\n${initialiser}};`)
    return name
  }

  /** A constant array of structs, with a comment; the name is the caller's. */
  structs(type: string, name: string, initialisers: readonly string[], comment: string): void {
    this.#lines.push(`/* ${comment} */`)
    this.#lines.push(`static const ${type} ${name}[${initialisers.length}] = {\n  ${initialisers.join(',\n  ')}};`)
  }
}

/** −2^31 is no literal in C: the minus is an operator on a number that does not fit. */
const literal = (value: number): string => (value === -(2 ** 31) ? '(-2147483647 - 1)' : `${value}`)

const LINE = 110

/** Items of an initialiser, in lines. */
export function wrap(items: readonly string[]): string {
  let text = ''
  let line = ' '
  for (const item of items) {
    if (line.length + item.length > LINE) {
      text += `${line}\n`
      line = ' '
    }
    line += ` ${item},`
  }
  return text + line
}
