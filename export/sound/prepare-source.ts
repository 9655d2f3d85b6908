import type { SoundFrontEnd } from '../../evaluators/datasets/sound/front-end.ts'
import { type WholeTaps, wholeTaps } from '../../evaluators/datasets/whole-resize.ts'
import { wrap } from '../c/emitter.ts'
import { quantiseValue } from '../quantise/fixed-point.ts'
import type { QuantisedNetwork } from '../quantise/types.ts'

/** What features become before an int8 network reads them. */
export type NetworkInput = Pick<QuantisedNetwork, 'tensors' | 'input' | 'normalisation'>

export interface PrepareSource {
  readonly declaration: string
  readonly source: string
  readonly constantBytes: number
}

/** The int8 value of each of the 256 features: normalised in single precision, as in training, then quantised. */
function inputTable({ tensors, input, normalisation }: NetworkInput): Int8Array {
  const { quantisation } = tensors[input]!
  const [mean, deviation] = [normalisation.mean[0]!, normalisation.standardDeviation[0]!]
  return Int8Array.from({ length: 256 }, (_, value) =>
    quantiseValue(Math.fround((value - mean) / deviation), quantisation),
  )
}

/** Bytes of the tables that make features the input of a network that reads `[height, width]`. */
export function prepareBytes({ frames, bands }: SoundFrontEnd, [height, width]: readonly [number, number]): number {
  if (height === frames && width === bands) return 256
  const taps = [wholeTaps(frames, height), wholeTaps(bands, width)]
  return taps.reduce((total, { positions }) => total + 4 * positions.length, 256)
}

const tapTables = (name: string, taps: WholeTaps): string =>
  `static const uint16_t ${name}_positions[] = {\n${wrap(Array.from(taps.positions, String))}};
static const uint16_t ${name}_weights[] = {\n${wrap(Array.from(taps.weights, String))}};
`

/** `<identifier>_prepare`: features to the network's int8 input, resized where the network reads another size. */
export function prepareSource(frontEnd: SoundFrontEnd, input: NetworkInput, identifier: string): PrepareSource {
  const { frames, bands } = frontEnd
  const upper = identifier.toUpperCase()
  const [height, width] = input.tensors[input.input]!.shape as [number, number]
  const isResized = height !== frames || width !== bands
  const constantBytes = prepareBytes(frontEnd, [height, width])
  const declaration = `
/* ${upper}_FRAMES x ${upper}_BANDS features to the network's int8 input, ${height} x ${width}${isResized ? ': resized, ' : ': '}normalised and quantised. */
void ${identifier}_prepare(const uint8_t *features, int8_t *input);
`
  const table = `
/* the network's input for each feature */
static const int8_t quantised[256] = {\n${wrap(Array.from(inputTable(input), String))}};
`
  if (!isResized) {
    const source = `${table}
void ${identifier}_prepare(const uint8_t *features, int8_t *input) {
  for (int32_t i = 0; i < ${upper}_FRAMES * BANDS; i++) input[i] = quantised[features[i]];
}
`
    return { declaration, source, constantBytes }
  }
  const [rows, columns] = [wholeTaps(frames, height), wholeTaps(bands, width)]
  const divisor = rows.divisor * columns.divisor
  const sum = 2 * 256 * divisor < 2 ** 32 ? 'uint32_t' : 'uint64_t'
  const source = `${table}
/* ${frames} x ${bands} to ${height} x ${width}: positions that are read, and how much each counts */
${tapTables('row', rows)}${tapTables('column', columns)}
void ${identifier}_prepare(const uint8_t *features, int8_t *input) {
  for (int32_t y = 0; y < ${height}; y++) {
    for (int32_t x = 0; x < ${width}; x++) {
      ${sum} sum = 0;
      for (int32_t r = y * ${rows.width}; r < (y + 1) * ${rows.width}; r++) {
        const uint8_t *row = features + row_positions[r] * BANDS;
        uint32_t part = 0;
        for (int32_t c = x * ${columns.width}; c < (x + 1) * ${columns.width}; c++) {
          part += (uint32_t)column_weights[c] * row[column_positions[c]];
        }
        sum += (${sum})row_weights[r] * part;
      }
      *input++ = quantised[(2 * sum + ${divisor}u) / ${2 * divisor}u];
    }
  }
}
`
  return { declaration, source, constantBytes }
}
