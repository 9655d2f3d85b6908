import type { ReadNetwork } from './read-quantised.ts'

/** What a conversion is made of, and what its files are compared with. */
export interface ConversionSource extends ReadNetwork {
  /** What C functions are called; any text. */
  readonly name: string
  readonly title: string
  readonly checks: ConversionSamples | undefined
}

export interface ConversionSamples {
  readonly count: number
  /** Random int8 values, or samples of the test part where a float network was quantised. */
  readonly kind: 'random' | 'test'
  /** One after the other. */
  readonly inputs: Int8Array
  /** What the integer reference gives for them. */
  readonly expected: Int8Array
  /** What the original file gives for them in LiteRT; undefined where that is not installed, or computes in float. */
  readonly original: Int8Array | undefined
}

export interface ConvertedFile {
  readonly files: ReadonlyMap<string, string | Uint8Array>
  /** What running it has shown, a line each. */
  readonly findings: readonly string[]
  /** How to build and run it, in Markdown. */
  readonly instructions: string
}
