const TEXT = new TextEncoder()

/**
 * Writes the protocol-buffers wire format: tag, then varint, 32-bit float or length-delimited bytes.
 * Nested messages are written into a writer of their own and copied in with their length.
 */
export class ProtobufWriter {
  #bytes = new Uint8Array(256)
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
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  text = (field: number, value: string): this => this.bytes(field, TEXT.encode(value))

  message(field: number, write: (message: ProtobufWriter) => void): this {
    const message = new ProtobufWriter()
    write(message)
    return this.bytes(field, message.#bytes.subarray(0, message.#length))
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
