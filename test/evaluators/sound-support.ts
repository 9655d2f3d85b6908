import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

/** How a test writes the values of a WAV file. */
export interface WavOptions {
  readonly rate?: number
  readonly channels?: number
  /** Bits of a value; 32 and 64 may be floats. */
  readonly bits?: 8 | 16 | 24 | 32 | 64
  readonly float?: boolean
  readonly extensible?: boolean
  /** Bytes between the format and the sound, as a chunk of their own. */
  readonly between?: number
}

const chunk = (name: string, body: Uint8Array): Buffer => {
  const head = Buffer.alloc(8)
  head.write(name, 0, 'latin1')
  head.writeUInt32LE(body.length, 4)
  return Buffer.concat([head, body, Buffer.alloc(body.length & 1)])
}

/** A WAV file with values of −1 … 1, interleaved. */
export function wav(values: ArrayLike<number>, options: WavOptions = {}): Buffer {
  const { rate = 8000, channels = 1, bits = 16, float = false, extensible = false, between = 0 } = options
  const width = bits / 8
  const format = Buffer.alloc(extensible ? 40 : 16)
  format.writeUInt16LE(extensible ? 0xfffe : float ? 3 : 1, 0)
  format.writeUInt16LE(channels, 2)
  format.writeUInt32LE(rate, 4)
  format.writeUInt32LE(rate * channels * width, 8)
  format.writeUInt16LE(channels * width, 12)
  format.writeUInt16LE(bits, 14)
  if (extensible) {
    format.writeUInt16LE(22, 16)
    format.writeUInt16LE(bits, 18)
    format.writeUInt16LE(float ? 3 : 1, 24)
    Buffer.from('000000001000800000aa00389b71', 'hex').copy(format, 26)
  }
  const data = Buffer.alloc(values.length * width)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (float && bits === 64) data.writeDoubleLE(value, 8 * i)
    else if (float) data.writeFloatLE(value, 4 * i)
    else if (bits === 8) data[i] = Math.round(value * 128) + 128
    else data.writeIntLE(Math.round(value * 2 ** (bits - 1)), i * width, width)
  }
  const chunks = [
    chunk('fmt ', format),
    ...(between > 0 ? [chunk('LIST', Buffer.alloc(between))] : []),
    chunk('data', data),
  ]
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks])
  return chunk('RIFF', body)
}

/** A tone of a frequency, `seconds` long, that reaches half of the range. */
export const tone = (hertz: number, seconds = 0.5, rate = 8000): number[] =>
  Array.from({ length: Math.round(seconds * rate) }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / rate))

/** Class folders with `each` tones of a low and a high frequency. */
export const tones = (each: number, prefix = '', options: WavOptions = {}): Record<string, Buffer> =>
  Object.fromEntries(
    Array.from({ length: each }, (_, i) => [
      [`${prefix}low/${i}.wav`, wav(tone(300 + i, 0.5, options.rate), options)] as const,
      [`${prefix}high/${i}.wav`, wav(tone(2000 + i, 0.5, options.rate), options)] as const,
    ]).flat(),
  )

/** The Free Spoken Digit Dataset, where it is. */
export const SPOKEN_DIGITS = path.join(import.meta.dirname, '../../../shared/data/datasets/fsdd/recordings.tar.gz')

/** Writes some of its recordings into a folder. */
export function spokenDigits(folder: string, wanted: (name: string) => boolean): void {
  const archive = gunzipSync(readFileSync(SPOKEN_DIGITS))
  const text = (at: number, length: number): string => archive.toString('latin1', at, at + length).split('\0')[0]!
  for (let at = 0; at < archive.length; ) {
    const [name, size] = [path.basename(text(at, 100)), Number.parseInt(text(at + 124, 12), 8) || 0]
    if (size > 0 && wanted(name)) writeFileSync(path.join(folder, name), archive.subarray(at + 512, at + 512 + size))
    at += 512 + 512 * Math.ceil(size / 512)
  }
}
