import { type RandomStream, randomStream } from '../../lib/random.ts'
import { assembleDataset } from './assemble.ts'
import type { DatasetFormat, SplitName } from './dataset.ts'
import { sharedInt32, sharedUint8 } from './shared-arrays.ts'

const SIDE = 16
const COUNTS: readonly (readonly [SplitName, number])[] = [
  ['train', 3000],
  ['validation', 500],
  ['test', 1000],
]
/** The pictures never change; only the order of their splits follows the user's seed. */
const PICTURE_SEED = 20_240

/** Whether a point of the figure's own plane, where the figure fills −1 … 1, is painted. */
type Figure = (u: number, v: number) => boolean

const stripe = (u: number): boolean => Math.floor((u + 1) * 2.5) % 2 === 0
const within = (u: number, v: number, reach: number): boolean => Math.max(Math.abs(u), Math.abs(v)) <= reach
const inDisc = (u: number, v: number, radius: number): boolean => u * u + v * v <= radius * radius

/** Ten figures that differ in outline and in texture; several pairs differ in one of the two only. */
const FIGURES: Readonly<Record<string, Figure>> = {
  disc: (u, v) => inDisc(u, v, 1),
  ring: (u, v) => inDisc(u, v, 1) && !inDisc(u, v, 0.6),
  square: (u, v) => within(u, v, 0.9),
  frame: (u, v) => within(u, v, 0.9) && !within(u, v, 0.5),
  triangle: (u, v) => v <= 0.9 && v >= -0.9 && Math.abs(u) <= (v + 0.9) / 1.8,
  plus: (u, v) => within(u, v, 1) && Math.min(Math.abs(u), Math.abs(v)) <= 0.25,
  saltire: (u, v) => within(u, v, 0.85) && Math.abs(Math.abs(u) - Math.abs(v)) <= 0.35,
  columns: (u, v) => within(u, v, 1) && stripe(u),
  rows: (u, v) => within(u, v, 1) && stripe(v),
  checkerboard: (u, v) => within(u, v, 1) && stripe(u) !== stripe(v),
}

const between = (random: RandomStream, least: number, most: number): number => least + (most - least) * random.float()

/** Close to normal, from sums only: logarithms and cosines differ between platforms, and the digest must not. */
const noise = (random: RandomStream): number => (random.float() + random.float() + random.float() - 1.5) * 2

/** A gentle slope of brightness across the picture, and short bright or dark strokes that mean nothing. */
function paintBackground(canvas: Float64Array, random: RandomStream): void {
  const level = between(random, 90, 165)
  const slopeX = between(random, -4, 4)
  const slopeY = between(random, -4, 4)
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) canvas[y * SIDE + x] = level + slopeX * (x - SIDE / 2) + slopeY * (y - SIDE / 2)
  }
  for (let strokes = random.int(4); strokes > 0; strokes--) {
    const brightness = between(random, -70, 70)
    const [stepX, stepY] = random.pick([
      [1, 0],
      [0, 1],
      [1, 1],
      [1, -1],
    ] as const)
    let x = random.int(SIDE)
    let y = random.int(SIDE)
    for (let length = 2 + random.int(3); length > 0; length--, x += stepX, y += stepY) {
      if (x >= 0 && x < SIDE && y >= 0 && y < SIDE) canvas[y * SIDE + x]! += brightness
    }
  }
}

/** Paints the figure brighter or darker than what is there, at a random place, size and angle, with smooth edges. */
function paintFigure(canvas: Float64Array, figure: Figure, random: RandomStream): void {
  const radius = between(random, 3.1, 5)
  const centreX = between(random, radius, SIDE - radius)
  const centreY = between(random, radius, SIDE - radius)
  // Half-angle formulas: a rotation of up to ±17° from arithmetic alone.
  const t = between(random, -0.15, 0.15)
  const cosine = (1 - t * t) / (1 + t * t)
  const sine = (2 * t) / (1 + t * t)
  const contrast = between(random, 50, 100) * (random.chance(0.5) ? 1 : -1)
  const offsets = [-0.25, 0.25]
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      let painted = 0
      for (const dy of offsets) {
        for (const dx of offsets) {
          const px = (x + 0.5 + dx - centreX) / radius
          const py = (y + 0.5 + dy - centreY) / radius
          if (figure(cosine * px + sine * py, cosine * py - sine * px)) painted++
        }
      }
      canvas[y * SIDE + x]! += (contrast * painted) / 4
    }
  }
}

/** 4,500 pictures of 16×16 grey pixels, the classes in equal numbers. */
function drawPictures(): { samples: Uint8Array; labels: Int32Array } {
  const random = randomStream(PICTURE_SEED, 'builtin-pictures')
  const figures = Object.values(FIGURES)
  const total = COUNTS.reduce((sum, [, count]) => sum + count, 0)
  const samples = sharedUint8(total * SIDE * SIDE)
  const labels = sharedInt32(total)
  const canvas = new Float64Array(SIDE * SIDE)
  for (let i = 0; i < total; i++) {
    const label = i % figures.length
    labels[i] = label
    paintBackground(canvas, random)
    paintFigure(canvas, figures[label]!, random)
    const strength = between(random, 5, 15)
    for (let pixel = 0; pixel < canvas.length; pixel++) {
      const value = canvas[pixel]! + strength * noise(random)
      samples[i * canvas.length + pixel] = Math.min(255, Math.max(0, Math.round(value)))
    }
  }
  return { samples, labels }
}

/** The set that needs no files: ten small figures among noise and stray strokes, drawn by the program. */
export const builtinFormat: DatasetFormat = {
  id: 'builtin',
  description: 'the word builtin: a small generated set of ten figures that needs no files',
  matches: (path) => path === 'builtin',
  load: async (_path, options) => {
    const ranges = COUNTS.map(([split, count]) => ({ source: 'builtin', split, count }))
    const classNames = Object.keys(FIGURES)
    return assembleDataset(
      { name: 'builtin', inputShape: [SIDE, SIDE, 1], classNames, ...drawPictures(), ranges },
      options,
    )
  },
}
