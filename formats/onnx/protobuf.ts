const TEXT = new TextEncoder()

/**
 * Writes the protocol-buffers wire format: tag, then varint, 32-bit float or length-delimited bytes.
 * Nested messages are written where they belong and moved up when their length is known: a buffer for each of the
 * thousands in a graph would keep the garbage collector busy.
 */
export class ProtobufWriter {
  #bytes = new Uint8Array(4096)
  #length = 0

  /** The message written so far; a copy. */
  finish = (): Uint8Array => this.#bytes.slice(0, this.#length)

  /** A signed integer as a varint; negative ones take ten bytes (two's complement of 64 bits). */
  integer(field: number, value: number | bigint): this {
    this.#varint(field << 3)
    if (value >= 0 && value < 2 ** 31) this.#varint(Number(value))
    else this.#longVarint(BigInt.asUintN(64, BigInt(value)))
    return this
  }

  float32(field: number, value: number): this {
    this.#varint((field << 3) | 5)
    this.#reserve(4)
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true)
    this.#length += 4
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint((field << 3) | 2)
    this.#varint(value.length)
    return this.#append(value)
  }

  text(field: number, value: string): this {
    this.#varint((field << 3) | 2)
    // Names are short and plain; encoding them elsewhere would cost more than the rest of the graph.
    const start = this.#length
    this.#reserve(value.length + 1)
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 127) {
        const encoded = TEXT.encode(value)
        this.#length = start
        this.#varint(encoded.length)
        return this.#append(encoded)
      }
      this.#bytes[start + i] = unit
    }
    this.#length = start + value.length
    return this.#prefixLength(start)
  }

  message(field: number, write: (message: ProtobufWriter) => void): this {
    this.#varint((field << 3) | 2)
    const start = this.#length
    write(this)
    return this.#prefixLength(start)
  }

  #append(value: Uint8Array): this {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  /** Writes the length of what begins at `start` before it. */
  #prefixLength(start: number): this {
    const end = this.#length
    // Where it goes does not matter yet, how long it is does.
    this.#varint(end - start)
    const width = this.#length - end
    this.#bytes.copyWithin(start + width, start, end)
    this.#length = start
    this.#varint(end - start)
    this.#length = end + width
    return this
  }

  /** A whole number below 2³¹. */
  #varint(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128
      rest >>= 7
    }
    this.#bytes[this.#length++] = rest
  }

  #longVarint(value: bigint): void {
    this.#reserve(10)
    let rest = value
    while (rest > 127n) {
      this.#bytes[this.#length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
