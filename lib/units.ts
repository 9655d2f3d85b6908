import { UserError } from './errors.ts'

type Quantity = 'latencyMs' | 'energyMj' | 'joules' | 'bytes' | 'durationS'

/** Factors to the canonical unit. Memory follows the datasheets of microcontrollers: 1 KB = 1 KiB = 1024 bytes. */
const FACTORS: Record<Quantity, Readonly<Record<string, number>>> = {
  latencyMs: { us: 1e-3, µs: 1e-3, ms: 1, s: 1000 },
  energyMj: { nJ: 1e-6, uJ: 1e-3, µJ: 1e-3, mJ: 1, J: 1000, kJ: 1e6, MJ: 1e9 },
  /** Of a whole search, not of an inference. */
  joules: { J: 1, kJ: 1000, MJ: 1e6, mWh: 3.6, Wh: 3600, kWh: 3.6e6, MWh: 3.6e9 },
  bytes: { B: 1, KB: 1024, KiB: 1024, MB: 1024 ** 2, MiB: 1024 ** 2, GB: 1024 ** 3, GiB: 1024 ** 3 },
  durationS: { ms: 1e-3, s: 1, min: 60, m: 60, h: 3600 },
}

const EXAMPLES: Record<Quantity, string> = {
  latencyMs: '50ms',
  energyMj: '5mJ',
  joules: '20Wh',
  bytes: '128KB',
  durationS: '30s',
}

/**
 * Reads a positive quantity with its unit, such as `50ms`, `128KB`, `5mJ`, `10min`, into milliseconds,
 * bytes, millijoules, joules or seconds. A bare number is refused: units are never guessed.
 * @throws UserError naming the flag, the text and a right example.
 */
export function parseQuantity(text: string, quantity: Quantity, flag: string): number {
  // Keyboards have a Greek mu where the units have a micro sign.
  const match = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-zµ]+)?\s*$/i.exec(text.replace('μ', 'µ'))
  const units = FACTORS[quantity]
  const written = match?.[2] ?? ''
  const alike = Object.keys(units).filter((unit) => unit.toLowerCase() === written.toLowerCase())
  // Capitals matter only where they tell two units apart: MWh are no mWh.
  const unit = alike.find(([prefix]) => prefix === written[0]) ?? alike[0]
  if (match === null || unit === undefined) {
    const names = Object.keys(units).join(', ')
    throw new UserError(
      `${flag} '${text}' is not a number with a unit (${names}): write for example ${EXAMPLES[quantity]}`,
    )
  }
  const value = Number(match[1]) * units[unit]!
  if (!Number.isFinite(value) || value <= 0) {
    throw new UserError(`${flag} '${text}' must be greater than zero: write for example ${EXAMPLES[quantity]}`)
  }
  return value
}

/** Three significant digits, without exponents for ordinary sizes. */
export function formatNumber(value: number): string {
  if (value === 0) return '0'
  const magnitude = Math.abs(value)
  if (magnitude >= 1000 && magnitude < 1e9) return Math.round(value).toString()
  if (magnitude >= 1e-4 && magnitude < 1000) return Number(value.toPrecision(3)).toString()
  return value.toExponential(2)
}

/** A share of a hundred, such as an error, to three digits; less than a hundredth of a percent is none. */
export const formatPercent = (share: number): string => `${formatNumber(Math.abs(share) < 1e-4 ? 0 : 100 * share)} %`

/** An accuracy: two decimals, so that one sample of ten thousand shows. */
export const formatAccuracy = (share: number): string => `${(100 * share).toFixed(2)} %`

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`
  const [size, unit] = bytes < 1024 ** 2 ? [1024, 'KB'] : bytes < 1024 ** 3 ? [1024 ** 2, 'MB'] : [1024 ** 3, 'GB']
  return `${formatNumber(bytes / size)} ${unit}`
}

export const formatLatency = (latencyMs: number): string =>
  latencyMs >= 1000
    ? `${formatNumber(latencyMs / 1000)} s`
    : latencyMs < 1
      ? `${formatNumber(latencyMs * 1000)} µs`
      : `${formatNumber(latencyMs)} ms`

export const formatEnergy = (energyMj: number): string =>
  energyMj >= 1000
    ? `${formatNumber(energyMj / 1000)} J`
    : energyMj < 1
      ? `${formatNumber(energyMj * 1000)} µJ`
      : `${formatNumber(energyMj)} mJ`

/** Grams of CO2 equivalent. */
export const formatGrams = (grams: number): string =>
  grams >= 1000
    ? `${formatNumber(grams / 1000)} kg CO2e`
    : grams >= 0.1 || grams === 0
      ? `${formatNumber(grams)} g CO2e`
      : `${formatNumber(grams * 1000)} mg CO2e`
