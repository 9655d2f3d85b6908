import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf, UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import { parseYaml } from '../../lib/yaml.ts'
import { AUGMENTATIONS, FAKE_QUANTISATIONS, OPTIMISERS, type Recipe } from './engine.ts'

/** What a recipe may hold; bounds catch slips such as a learning rate in percent. */
export const recipeSchema = z.strictObject({
  optimiser: z.enum(OPTIMISERS),
  batchSize: z.int().min(1).max(4096),
  learningRate: z.number().positive().max(10),
  warmupFraction: z.number().min(0).max(1),
  momentum: z.number().min(0).lt(1),
  squareMomentum: z.number().min(0).lt(1).exactOptional(),
  weightDecay: z.number().min(0).max(1),
  clipNorm: z.number().positive().max(1e6).exactOptional(),
  augmentation: z.enum(AUGMENTATIONS).exactOptional(),
  flip: z.boolean().exactOptional(),
  labelSmoothing: z.number().min(0).lt(1),
  batchNormMomentum: z.number().min(0).lt(1),
  fakeQuantise: z.enum(FAKE_QUANTISATIONS).exactOptional(),
  distillation: z
    .strictObject({
      teacher: z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of a file'),
      weight: z.number().positive().max(1),
      temperature: z.number().positive().max(100),
    })
    .exactOptional(),
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

/** Recipes that `--recipe` knows by name. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  default: DEFAULT_RECIPE,
  adamw: { ...DEFAULT_RECIPE, optimiser: 'adamw', learningRate: 0.02, weightDecay: 0.02, clipNorm: 5 },
  augmented: { ...DEFAULT_RECIPE, augmentation: 'light' },
  long: {
    ...DEFAULT_RECIPE,
    learningRate: 0.1,
    warmupFraction: 0.05,
    weightDecay: 5e-4,
    labelSmoothing: 0.1,
    augmentation: 'light',
  },
}

/** `sgd` and the members that only AdamW reads do not go together, and an unread member would hide a slip. */
function contradiction(recipe: Recipe): string | undefined {
  return recipe.optimiser === 'sgd' && recipe.squareMomentum !== undefined
    ? 'squareMomentum is read by adamw only: leave it out for sgd'
    : undefined
}

/**
 * A recipe by name, or from a JSON or YAML file: members that the file leaves out are those of the recipe it `extends`
 * (a name; `default` where left out).
 * @throws UserError for an unknown name, a missing or damaged file, or a member that is out of bounds or not known.
 */
export function loadRecipe(name: string): Recipe {
  if (!/[\\/]|\.(json|ya?ml)$/.test(name)) return namedRecipe(name)
  if (!existsSync(name)) {
    throw new UserError(`the recipe file '${name}' does not exist: give a name (${RECIPE_NAMES.join(', ')}) or a file`)
  }
  let content: unknown
  try {
    content = parseYaml(readFileSync(name, 'utf8'))
  } catch (error) {
    throw new UserError(`the recipe file '${name}' cannot be read as JSON or YAML: ${messageOf(error)}`, {
      cause: error,
    })
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UserError(`the recipe file '${name}' holds no object: write members such as optimiser: adamw`)
  }
  const { extends: base = 'default', ...members } = content as Record<string, unknown>
  const parsed = recipeSchema.safeParse({ ...namedRecipe(String(base)), ...members })
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
    throw new UserError(`the recipe file '${name}' is not a recipe: ${where}${issue.message}`)
  }
  const wrong = contradiction(parsed.data)
  if (wrong !== undefined) throw new UserError(`the recipe file '${name}' is not a recipe: ${wrong}`)
  return plainRecipe(parsed.data)
}

/** Members that say what is usual are left out, so that equal recipes have equal cache keys. */
function plainRecipe({ augmentation, flip, ...rest }: Recipe): Recipe {
  return {
    ...rest,
    ...(augmentation === undefined || augmentation === 'none' ? {} : { augmentation }),
    ...(flip === true ? { flip } : {}),
  }
}

const RECIPE_NAMES = Object.keys(RECIPES)

function namedRecipe(name: string): Recipe {
  const recipe = Object.hasOwn(RECIPES, name) ? RECIPES[name] : undefined
  if (recipe === undefined) throw new UserError(unknownName('recipe', name, RECIPE_NAMES))
  return recipe
}

/** Batches of a multiple of this run on the runtime's blocked kernels; others are several times slower. */
const FAST_BATCH_MULTIPLE = 16

/**
 * The recipe's batch size, or less where the training part is smaller: then the largest multiple of
 * `FAST_BATCH_MULTIPLE` that fits, as long as there is one.
 */
export function fittingBatchSize(wanted: number, trainSize: number): number {
  if (wanted <= trainSize) return wanted
  return trainSize < FAST_BATCH_MULTIPLE ? trainSize : trainSize - (trainSize % FAST_BATCH_MULTIPLE)
}
