import type { Recipe } from './engine.ts'

/**
 * Learning rate of step `step` (from 0) of `steps`: linear warm-up over the first `warmupFraction` of them, then a half
 * cosine from the peak down to 0 (Loshchilov and Hutter 2017).
 */
export function learningRateAt(recipe: Recipe, step: number, steps: number): number {
  const warmup = Math.floor(recipe.warmupFraction * steps)
  if (step < warmup) return (recipe.learningRate * (step + 1)) / (warmup + 1)
  const progress = (step - warmup) / Math.max(steps - warmup, 1)
  return (recipe.learningRate * (1 + Math.cos(Math.PI * progress))) / 2
}
