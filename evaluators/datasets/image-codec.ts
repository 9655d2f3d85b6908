import { crc32, inflateSync } from 'node:zlib'
import { convertIndexedToRgb, type DecodedPng, decode as decodePng } from 'fast-png'
import jpeg from 'jpeg-js'

/** Larger pictures are refused unread: no data set for small devices needs them. */
const MAX_PIXELS = 2 ** 24
const JPEG_MEMORY_MB = 1024

/** An image as 8-bit red, green, blue, interleaved row by row. */
export interface RgbImage {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

interface ImageSize {
  readonly width: number
  readonly height: number
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const isPng = (bytes: Uint8Array): boolean => PNG_SIGNATURE.every((byte, i) => bytes[i] === byte)
const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Walks a JPEG's segments to its frame header (SOF0 … SOF15 without DHT, JPG and DAC). */
function jpegSize(bytes: Uint8Array): ImageSize {
  const view = viewOf(bytes)
  let at = 2
  while (at + 9 <= bytes.length) {
    if (bytes[at] !== 0xff) break
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at++
      continue
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) }
    at += 2 + view.getUint16(at + 2)
  }
  throw new Error('has no JPEG frame header; it is damaged or cut short')
}

/**
 * Width and height from the header alone.
 * @throws Error saying in a few words what is wrong, for the caller to put the file's name in front.
 */
export function imageSize(bytes: Uint8Array): ImageSize {
  if (bytes.length === 0) throw new Error('is empty')
  let size: ImageSize
  if (isPng(bytes)) {
    if (bytes.length < 24) throw new Error('is cut short')
    size = { width: viewOf(bytes).getUint32(16), height: viewOf(bytes).getUint32(20) }
  } else if (isJpeg(bytes)) {
    size = jpegSize(bytes)
  } else {
    throw new Error('is neither a PNG nor a JPEG image, whatever its name says')
  }
  if (size.width === 0 || size.height === 0) throw new Error('has no pixels')
  if (size.width * size.height > MAX_PIXELS) {
    throw new Error(`has ${size.width}×${size.height} pixels; at most ${MAX_PIXELS} are read`)
  }
  return size
}

const CHANNELS_OF_COLOUR_TYPE: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
const ESSENTIAL_CHUNKS = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']

/** Bytes of the image data after decompression: a filter byte and the packed pixels of each row (of each Adam7 pass). */
function pngDataLength(size: ImageSize, bitsPerPixel: number, interlaced: boolean): number {
  const lines = (width: number, height: number) =>
    width > 0 && height > 0 ? height * (1 + Math.ceil((width * bitsPerPixel) / 8)) : 0
  if (!interlaced) return lines(size.width, size.height)
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const
  return passes.reduce(
    (sum, [x, y, dx, dy]) => sum + lines(Math.ceil((size.width - x) / dx), Math.ceil((size.height - y) / dy)),
    0,
  )
}

function inflatedLength(data: Uint8Array, most: number): number {
  try {
    return inflateSync(data, { maxOutputLength: Math.max(most, 1) }).length
  } catch (error) {
    if (error instanceof RangeError) throw new Error('holds more pixels than its header announces')
    throw error
  }
}

/**
 * Keeps only the chunks that make up the picture, after checking their checksums and that the image data decompresses to
 * exactly what the header announces: the decoder itself bounds neither that nor colour profiles.
 */
function checkedPng(bytes: Uint8Array, size: ImageSize): Uint8Array {
  const view = viewOf(bytes)
  const kept: Uint8Array[] = [bytes.subarray(0, 8)]
  const data: Uint8Array[] = []
  let type = ''
  for (let at = 8; type !== 'IEND'; ) {
    if (at + 12 > bytes.length) throw new Error('is cut short')
    const length = view.getUint32(at)
    const end = at + 12 + length
    if (end > bytes.length) throw new Error('is cut short')
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
      throw new Error('holds a damaged part (its checksum differs)')
    if (ESSENTIAL_CHUNKS.includes(type)) kept.push(bytes.subarray(at, end))
    if (type === 'IDAT') data.push(bytes.subarray(at + 8, end - 4))
    at = end
  }
  const [depth, colourType, , , interlace] = bytes.subarray(24, 29)
  const interlaced = interlace === 1
  const bitsPerPixel = depth! * (CHANNELS_OF_COLOUR_TYPE[colourType!] ?? 0)
  if (interlaced && depth! < 8)
    throw new Error(`is interlaced with ${depth} bits a sample; save it without interlacing`)
  const expected = pngDataLength(size, bitsPerPixel, interlaced)
  if (inflatedLength(Buffer.concat(data), expected) < expected) {
    throw new Error('holds fewer pixels than its header announces')
  }
  return Buffer.concat(kept)
}

/** Samples of any bit depth as 8-bit values, one per element. */
function to8Bit(png: DecodedPng): Uint8Array {
  if (png.depth === 8) return Uint8Array.from(png.data)
  if (png.depth === 16) return Uint8Array.from(png.data, (value) => value >> 8)
  const most = 2 ** png.depth - 1
  const perRow = png.width * png.channels
  const rowBytes = Math.ceil((perRow * png.depth) / 8)
  return Uint8Array.from({ length: perRow * png.height }, (_, i) => {
    const bit = (i % perRow) * png.depth
    const byte = png.data[Math.floor(i / perRow) * rowBytes + (bit >> 3)]!
    return (((byte >> (8 - png.depth - (bit & 7))) & most) * 255) / most
  })
}

function decodePngToRgb(bytes: Uint8Array, size: ImageSize): RgbImage {
  const png = decodePng(checkedPng(bytes, size))
  const values = png.palette === undefined ? to8Bit(png) : convertIndexedToRgb(png)
  const channels = png.palette === undefined ? png.channels : png.palette[0]!.length
  const hasAlpha = channels === 2 || channels === 4
  const pixels = new Uint8Array(3 * size.width * size.height)
  for (let from = 0, to = 0; to < pixels.length; from += channels, to += 3) {
    // Transparent pixels are laid over black: what is stored under them is arbitrary.
    const opacity = hasAlpha ? values[from + channels - 1]! / 255 : 1
    for (let c = 0; c < 3; c++) pixels[to + c] = Math.round(values[from + (channels < 3 ? 0 : c)]! * opacity)
  }
  return { ...size, pixels }
}

function decodeJpegToRgb(bytes: Uint8Array): RgbImage {
  try {
    const { width, height, data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: MAX_PIXELS / 1e6,
      maxMemoryUsageInMB: JPEG_MEMORY_MB,
    })
    return { width, height, pixels: data }
  } catch (error) {
    // The decoder often stumbles over damage with errors about its own variables, which tell a user nothing.
    throw new Error('is a JPEG that cannot be decoded, damaged or of an unusual kind', { cause: error })
  }
}

/**
 * Decodes a PNG or JPEG by its content. Transparency is laid over black; 16-bit samples keep their upper 8 bits; orientation
 * tags are ignored.
 * @throws Error saying in a few words what is wrong, for the caller to put the file's name in front.
 */
export function decodeImage(bytes: Uint8Array): RgbImage {
  const size = imageSize(bytes)
  if (isPng(bytes)) return decodePngToRgb(bytes, size)
  return decodeJpegToRgb(bytes)
}
