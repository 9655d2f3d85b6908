import test, { type ExecutionContext } from 'ava'
import { randomStream } from '../../lib/random.ts'
import { axisFor } from '../../results/report/axis.ts'
import { viridis } from '../../results/report/colour.ts'
import { frontCsv } from '../../results/report/front-csv.ts'
import { frontJson } from '../../results/report/front-json.ts'
import { frontSvg } from '../../results/report/front-svg.ts'
import { METRIC_NAMES, METRICS } from '../../results/report/metrics.ts'
import { placeLabels } from '../../results/report/place-labels.ts'
import { staircaseOf } from '../../results/report/staircase.ts'
import type { FrontPoint } from '../../results/store.ts'
import { frontWith, point } from './front-fixtures.ts'

test('JSON has the documented members in order and every number in full', (t) => {
  const numbers = { accuracy: 0.1 + 0.2, latencyMs: 1 / 3, energyMj: 1e-9 }
  const front = frontWith([point(3, numbers)])
  const text = frontJson({ ...front, points: front.points.map(({ trial, ...rest }) => ({ ...rest, trial })) })
  t.regex(
    text,
    /^\{"experiment":1,"device":"mcu","objectives":\[.*\],"reference":\[.*\],"hypervolume":0\.5,"points":\[\{"trial":3,"archId":"arch-3","accuracy":0\.30000000000000004,"latencyMs":0\.3333333333333333,"energyMj":1e-9,"peakRamBytes":\d+,"flashBytes":\d+,"macs":\d+,"params":\d+,"testAccuracy":0\.5\}\]\}$/,
  )
  t.deepEqual(JSON.parse(text), front)
})

test('CSV has a header, a line per point and quotes what needs it', (t) => {
  const csv = frontCsv({ ...frontWith([point(3), point(4, { latencyMs: 0.1 + 0.2 })]), device: 'my "big", board' })
  const lines = csv.split('\n')
  t.is(lines[0], 'device,trial,archId,accuracy,latencyMs,energyMj,peakRamBytes,flashBytes,macs,params,testAccuracy')
  t.is(lines.length, 4)
  t.is(lines[3], '', 'ends with a line break')
  t.true(lines[2]!.startsWith('"my ""big"", board",4,arch-4,0.9,0.30000000000000004,'))
})

test('ticks of a linear axis are few round numbers within its ends', (t) => {
  const random = randomStream(3, 'axis')
  for (let round = 0; round < 300; round++) {
    const scale = 10 ** (random.int(7) - 3)
    const values = [scale * (1 + random.float()), scale * (2 + 20 * random.float())]
    const axis = axisFor('latencyMs', values, 6)
    t.false(axis.logarithmic)
    t.true(axis.ticks.length >= 2 && axis.ticks.length <= 8, `${values} gives ${axis.ticks.length} ticks`)
    for (const { value, label } of axis.ticks) {
      const share = axis.position(value)
      t.true(share >= -1e-9 && share <= 1 + 1e-9)
      const unit = METRICS.latencyMs.units.find(({ symbol }) => axis.title.endsWith(`(${symbol})`))!
      t.true(Math.abs(Number(label) * unit.factor - value) <= 1e-9 * Math.abs(value), `${label} for ${value}`)
    }
    t.true(values.every((value) => axis.position(value) > 0 && axis.position(value) < 1))
  }
})

test('an axis is logarithmic when the range is over thirty-fold, and its ticks carry their units', (t) => {
  t.false(axisFor('energyMj', [1, 30], 6).logarithmic)
  const axis = axisFor('energyMj', [0.5, 400], 12)
  t.true(axis.logarithmic)
  t.deepEqual(
    axis.ticks.map(({ label }) => label),
    ['500 µJ', '1 mJ', '2 mJ', '5 mJ', '10 mJ', '20 mJ', '50 mJ', '100 mJ', '200 mJ', '500 mJ'],
  )
  t.true(Math.abs(axis.position(Math.sqrt(0.5 * 400)) - 0.5) < 1e-12)
  const bytes = axisFor('flashBytes', [3000, 3_000_000], 6)
  t.deepEqual(
    bytes.ticks.map(({ label }) => label),
    ['4 KB', '16 KB', '64 KB', '256 KB', '1 MB', '4 MB'],
  )
})

test('an axis of equal values, of zeros and of a perfect accuracy', (t) => {
  for (const [name, value] of [
    ['latencyMs', 7],
    ['energyMj', 0],
    ['macs', 0],
    ['accuracy', 1],
  ] as const) {
    const axis = axisFor(name, [value, value], 5)
    t.true(axis.ticks.length >= 1)
    t.true(axis.position(value) >= 0 && axis.position(value) <= 1)
  }
  const perfect = axisFor('accuracy', [0.5, 1], 5)
  t.is(perfect.ticks.at(-1)!.label, '100')
})

test('the step line joins the points that nothing beats in two metrics', (t) => {
  const points = [
    point(0, { latencyMs: 1, accuracy: 0.5 }),
    point(1, { latencyMs: 2, accuracy: 0.4 }),
    point(2, { latencyMs: 3, accuracy: 0.9 }),
    point(3, { latencyMs: 3, accuracy: 0.8 }),
    point(4, { latencyMs: 4, accuracy: 0.9 }),
  ]
  const trials = (found: readonly FrontPoint[]) => found.map(({ trial }) => trial)
  t.deepEqual(trials(staircaseOf(points, 'latencyMs', 'accuracy')), [0, 2])
  t.deepEqual(trials(staircaseOf(points, 'accuracy', 'latencyMs')), [2, 0])
})

test('labels do not cover each other or a marker, and stay within the frame', (t) => {
  const random = randomStream(5, 'labels')
  const frame = { left: 0, top: 0, right: 300, bottom: 200 }
  const markers = Array.from({ length: 60 }, (_, i) => ({
    x: random.float() * 300,
    y: random.float() * 200,
    text: String(i * 7),
  }))
  const labels = placeLabels(markers, frame)
  t.true(labels.length > 20 && labels.length <= 60)
  const boxes = labels.map(({ x, y, text }) => ({ x1: x, x2: x + 6.4 * text.length, y1: y - 9, y2: y + 2 }))
  for (const [i, a] of boxes.entries()) {
    t.true(a.x1 >= 0 && a.x2 <= 300 && a.y1 >= 0 && a.y2 <= 200)
    for (const b of boxes.slice(i + 1)) t.false(a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2)
    t.false(markers.some(({ x, y }) => x > a.x1 && x < a.x2 && y > a.y1 && y < a.y2))
  }
})

test('the colour scale runs from the dark to the light end and clips', (t) => {
  t.is(viridis(0), '#440154')
  t.is(viridis(1), '#fde725')
  t.is(viridis(0.5), '#21918c')
  t.is(viridis(-3), viridis(0))
  t.is(viridis(2), viridis(1))
})

/** Checks that tags are balanced, and that text and attributes hold no stray markup; returns the names of the elements. */
function elementsOf(t: ExecutionContext, xml: string): readonly string[] {
  const open: string[] = []
  const seen: string[] = []
  const rest = xml.replaceAll(/<(\/?)([A-Za-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g, (_, end, name, __, empty) => {
    if (end) t.is(open.pop(), name)
    else {
      seen.push(name)
      if (!empty) open.push(name)
    }
    return ''
  })
  t.deepEqual(open, [])
  t.notRegex(rest, /[<>]|&(?!amp;|lt;|gt;|quot;|#39;)/)
  return seen
}

test('the SVG is well formed, shows and names every point, and escapes what it is given', (t) => {
  const device = `<script>alert("1")</script> & 'co' \u0007`
  const points = [1, 2, 3].map((trial) => point(trial, { latencyMs: trial, accuracy: 0.5 + trial / 10 }))
  const svg = frontSvg({ ...frontWith(points), device }, { x: 'latencyMs', y: 'accuracy' })
  const elements = elementsOf(t, svg)
  t.is(elements.filter((name) => name === 'circle').length, 3)
  t.false(elements.includes('script'))
  t.notRegex(svg, /\bhttps?:(?!\/\/www\.w3\.org\/2000\/svg")/, 'nothing is loaded from elsewhere')
  for (const { trial } of points) t.true(svg.includes(`<title>Trial ${trial}: Accuracy `))
  t.regex(svg, /role="img" aria-labelledby="[^"]+"/)
  t.true(svg.includes('Latency (ms)') && svg.includes('Accuracy (%)') && svg.includes('Energy per inference'))
  t.is(svg, frontSvg({ ...frontWith(points), device }, { x: 'latencyMs', y: 'accuracy' }))
})

test('better points stand further up and further left, in the colour of the third objective', (t) => {
  const [fast, good] = [
    point(1, { latencyMs: 1, accuracy: 0.5, energyMj: 1 }),
    point(2, { latencyMs: 9, accuracy: 0.9, energyMj: 5 }),
  ]
  const svg = frontSvg(frontWith([fast!, good!]), { x: 'latencyMs', y: 'accuracy', colour: 'energyMj' })
  const circles = [...svg.matchAll(/<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"[^>]* fill="(#\w+)"/g)].map((match) => ({
    x: Number(match[1]),
    y: Number(match[2]),
    fill: match[3],
  }))
  t.is(circles.length, 2)
  t.true(circles[0]!.x < circles[1]!.x)
  t.true(circles[0]!.y > circles[1]!.y)
  t.not(circles[0]!.fill, circles[1]!.fill)
})

test('the SVG of no, of one and of many points, for any pair of metrics', (t) => {
  const random = randomStream(9, 'svg')
  const names = METRIC_NAMES
  for (const count of [0, 1, 40]) {
    const points = Array.from({ length: count }, (_, trial) =>
      point(trial, { latencyMs: 10 ** (4 * random.float()), accuracy: random.float(), flashBytes: random.int(1e6) }),
    )
    for (const x of names) {
      for (const y of names) {
        const svg = frontSvg(frontWith(points), { x, y })
        const elements = elementsOf(t, svg)
        t.is(elements.filter((name) => name === 'circle').length, count)
        t.notRegex(svg, /NaN|Infinity|undefined/)
      }
    }
  }
})
