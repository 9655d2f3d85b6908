import { formatBytes, formatEnergy, formatLatency, formatNumber } from '../lib/units.ts'
import { type Candidate, type LimitViolation, leastViolation, type SearchDevice } from './pricing.ts'

const FORMATS: Readonly<Record<string, (value: number) => string>> = {
  bytes: formatBytes,
  ms: formatLatency,
  mJ: formatEnergy,
}

/** The unit stands at the end of a limit's name in brackets, as in `RAM (bytes)`; a limit without one is a kind of kernel. */
const partsOf = (limit: string): readonly [string, string | undefined] => {
  const match = /^(.*) \((.*)\)$/.exec(limit)
  return match === null ? [limit, undefined] : [match[1]!, match[2]!]
}

/** `1 KB` and `3.44 KB`; where rounding would make both look equal, all digits. */
function figures({ limit, value, allowed }: Omit<LimitViolation, 'relative'>): readonly [string, string] {
  const unit = partsOf(limit)[1] ?? ''
  const format = FORMATS[unit] ?? formatNumber
  const texts = [format(value), format(allowed)] as const
  return texts[0] === texts[1] ? [`${value} ${unit}`, `${allowed} ${unit}`] : texts
}

function lack(violation: LimitViolation): string {
  const [name, unit] = partsOf(violation.limit)
  if (unit === undefined) return `no ${name}`
  const [value, allowed] = figures(violation)
  return `${name} ${value} of ${allowed} allowed`
}

/**
 * Why a search cannot begin, in one sentence: the limit that turns most candidates down, with the least that was seen, and
 * what the closest candidate breaks.
 * @param tried candidates that meet the limits of no device
 */
export function impossibleLimits(
  plan: { readonly space: { readonly id: string }; readonly devices: readonly SearchDevice[] },
  tried: readonly Candidate[],
): string {
  const counts = new Map<string, { rejected: number; least: LimitViolation; device: string }>()
  for (const { prices } of tried) {
    prices.forEach(({ violations }, d) => {
      const device = plan.devices[d]!.id
      for (const violation of violations) {
        const key = `${violation.limit} ${device}`
        const seen = counts.get(key) ?? { rejected: 0, least: violation, device }
        const least = violation.value < seen.least.value ? violation : seen.least
        counts.set(key, { rejected: seen.rejected + 1, least, device })
      }
    })
  }
  const [worst] = [...counts.values()].sort((a, b) => b.rejected - a.rejected)
  const { rejected, least, device } = worst!
  const [name, unit] = partsOf(least.limit)
  const [value, allowed] = figures(least)
  const seen = unit === undefined ? '' : ` (${allowed} allowed, the least seen is ${value})`
  const closest = tried.reduce((best, candidate) =>
    leastViolation(candidate) < leastViolation(best) ? candidate : best,
  )
  const d = closest.violation.indexOf(leastViolation(closest))
  const lacks = closest.prices[d]!.violations.map(lack)
  return (
    `no network of the space '${plan.space.id}' meets the limits: of ${tried.length} candidates ` +
    `${rejected === tried.length ? 'all' : rejected} ${unit === undefined ? `find no ${name}` : `break ${name}`} on ${device}${seen}; ` +
    `the closest candidate, ${closest.archId} on ${plan.devices[d]!.id}, has ${lacks.join(' and ')}: raise these limits, or ` +
    'take another space or device'
  )
}
