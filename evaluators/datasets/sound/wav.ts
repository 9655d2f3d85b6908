/** How one value is stored. */
type Encoding = 'uint8' | 'int16' | 'int24' | 'int32' | 'float32' | 'float64'

/** Where the sound of a WAV file lies and how it is stored. */
export interface WavFormat {
  readonly sampleRate: number
  readonly channels: number
  readonly encoding: Encoding
  /** Samples of each channel. */
  readonly length: number
  /** First byte of the sound. */
  readonly start: number
}

const PCM = 1
const FLOAT = 3
const EXTENSIBLE = 0xfffe
/** The last 14 bytes of an extensible format's identifier; the first two are a format as above. */
const EXTENSIBLE_TAIL = '000000001000800000aa00389b71'

const BYTES: Readonly<Record<Encoding, number>> = { uint8: 1, int16: 2, int24: 3, int32: 4, float32: 4, float64: 8 }
const MAX_CHANNELS = 64
const RATES = { least: 4000, most: 192_000 }

const text = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4))
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function encodingOf(format: number, bytes: number): Encoding | undefined {
  if (format === FLOAT) return bytes === 4 ? 'float32' : bytes === 8 ? 'float64' : undefined
  return format === PCM ? (['uint8', 'int16', 'int24', 'int32'] as const)[bytes - 1] : undefined
}

/** What a `fmt ` chunk says. @throws Error with what is wrong with it. */
function readFormat(chunk: Uint8Array): Omit<WavFormat, 'length' | 'start'> {
  if (chunk.length < 16) throw new Error('is cut short')
  const at = view(chunk)
  let format = at.getUint16(0, true)
  const [channels, sampleRate] = [at.getUint16(2, true), at.getUint32(4, true)]
  const [frameBytes, bits] = [at.getUint16(12, true), at.getUint16(14, true)]
  if (format === EXTENSIBLE && chunk.length >= 40) {
    const tail = [...chunk.subarray(26, 40)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    if (tail === EXTENSIBLE_TAIL) format = at.getUint16(24, true)
  }
  if (channels < 1 || channels > MAX_CHANNELS)
    throw new Error(`has ${channels} channels; 1 to ${MAX_CHANNELS} are read`)
  if (sampleRate < RATES.least || sampleRate > RATES.most) {
    throw new Error(`has a sample rate of ${sampleRate} Hz; ${RATES.least} to ${RATES.most} are read`)
  }
  // Samples of odd lengths lie at the upper end of whole bytes.
  const encoding = frameBytes % channels === 0 ? encodingOf(format, frameBytes / channels) : undefined
  if (encoding === undefined || bits > 8 * BYTES[encoding] || bits <= 8 * (BYTES[encoding] - 1)) {
    throw new Error(
      `holds ${bits} bits a sample in format ${format}; PCM of 8, 16, 24 or 32 bits (1) and floats of 32 or 64 (3) are read`,
    )
  }
  return { sampleRate, channels, encoding }
}

/**
 * Finds the sound in the start of a WAV file.
 * @param fileBytes of the whole file.
 * @returns undefined where the sound begins beyond `start`, which is then to be longer.
 * @throws Error with what is wrong with the file.
 */
export function readWavFormat(start: Uint8Array, fileBytes: number): WavFormat | undefined {
  if (start.length < 12 || text(start, 0) !== 'RIFF' || text(start, 8) !== 'WAVE') {
    throw new Error('is no WAV file, whatever its name says')
  }
  let format: ReturnType<typeof readFormat> | undefined
  for (let at = 12; at + 8 <= fileBytes; ) {
    if (at + 8 > start.length) return undefined
    const [name, length] = [text(start, at), view(start).getUint32(at + 4, true)]
    const [from, available] = [at + 8, fileBytes - at - 8]
    if (name === 'data') {
      if (format === undefined) throw new Error('has sound before its format')
      if (length > available) throw new Error(`is cut short (${available} of ${length} bytes of sound are there)`)
      const samples = Math.floor(length / (format.channels * BYTES[format.encoding]))
      if (samples === 0) throw new Error('holds no sound')
      return { ...format, length: samples, start: from }
    }
    if (length > available) throw new Error('is cut short')
    if (name === 'fmt ') {
      if (from + length > start.length) return undefined
      format = readFormat(start.subarray(from, from + length))
    }
    // Chunks begin at even places.
    at = from + length + (length & 1)
  }
  throw new Error('holds no sound')
}

/** One value as a 16-bit sample would hold it, not rounded. */
function valueReader(bytes: Uint8Array, encoding: Encoding): (at: number) => number {
  const data = view(bytes)
  switch (encoding) {
    case 'uint8':
      return (at) => (data.getUint8(at) - 128) * 256
    case 'int16':
      return (at) => data.getInt16(at, true)
    case 'int24':
      return (at) => data.getInt16(at + 1, true) + data.getUint8(at) / 256
    case 'int32':
      return (at) => data.getInt32(at, true) / 65536
    case 'float32':
      return (at) => data.getFloat32(at, true) * 32768
    case 'float64':
      return (at) => data.getFloat64(at, true) * 32768
  }
}

/**
 * A stretch of the sound as 16-bit samples, as a microphone of a small device gives them: channels are averaged, the mean
 * is rounded (halves up) and kept within 16 bits.
 * @param first may lie before the sound, and the stretch may end behind it: there is silence.
 * @throws Error where a value is no number.
 */
export function decodeMono(bytes: Uint8Array, format: WavFormat, first: number, length: number): Int16Array {
  const { channels, encoding, start } = format
  const width = BYTES[encoding]
  const read = valueReader(bytes, encoding)
  const out = new Int16Array(length)
  const end = Math.min(length, format.length - first)
  for (let i = Math.max(0, -first); i < end; i++) {
    let sum = 0
    let at = start + (first + i) * channels * width
    for (let channel = 0; channel < channels; channel++, at += width) sum += read(at)
    if (Number.isNaN(sum)) throw new Error(`has a value that is no number at sample ${first + i}`)
    out[i] = Math.max(-32768, Math.min(32767, Math.floor(sum / channels + 0.5)))
  }
  return out
}
