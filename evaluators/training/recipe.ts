import { z } from 'zod'
import type { Recipe } from './engine.ts'

/** What a recipe may hold; bounds catch slips such as a learning rate in percent. */
export const recipeSchema = z.strictObject({
  optimiser: z.literal('sgd'),
  batchSize: z.int().min(1).max(4096),
  learningRate: z.number().positive().max(10),
  warmupFraction: z.number().min(0).max(1),
  momentum: z.number().min(0).lt(1),
  weightDecay: z.number().min(0).max(1),
  labelSmoothing: z.number().min(0).lt(1),
  batchNormMomentum: z.number().min(0).lt(1),
  loadBalancing: z.number().min(0).max(10),
})

/** Chosen so that trainings of one to three epochs learn well. */
export const DEFAULT_RECIPE: Recipe = {
  optimiser: 'sgd',
  batchSize: 32,
  learningRate: 0.2,
  warmupFraction: 0.1,
  momentum: 0.9,
  weightDecay: 1e-4,
  labelSmoothing: 0.05,
  batchNormMomentum: 0.9,
  loadBalancing: 0.01,
}
