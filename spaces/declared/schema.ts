import { z } from 'zod'
import { UserError } from '../../lib/errors.ts'

export const ACTIVATIONS = ['relu', 'relu6', 'hardSwish'] as const
/** `conv` and `maxPool` are single layers; the others are the blocks of the built-in spaces. */
export const BLOCKS = ['depthwiseSeparable', 'invertedBottleneck', 'fused', 'conv', 'maxPool'] as const
export type DeclaredBlock = (typeof BLOCKS)[number]

const MOST_CHOICES = 64
const MOST_STAGES = 64

/** `when: { stem.filters: [16, 24] }` */
const conditionSchema = z.record(
  z.string().min(1).max(128),
  z
    .array(z.union([z.number(), z.string(), z.boolean()]))
    .min(1)
    .max(MOST_CHOICES),
)

/** A member of a stage: a value, a list to choose from, or a list with a condition. */
const choiceOf = <T extends z.ZodType<string | number | boolean>>(value: T) => {
  const list = z.array(value).min(1).max(MOST_CHOICES)
  return z
    .union([value, list, z.strictObject({ choices: list, when: conditionSchema.exactOptional() })])
    .exactOptional()
}

const memberSchemas = {
  depth: choiceOf(z.int().min(0).max(32)),
  block: choiceOf(z.enum(BLOCKS)),
  width: choiceOf(z.int().min(1).max(4096)),
  kernel: choiceOf(z.int().min(1).max(15)),
  stride: choiceOf(z.int().min(1).max(4)),
  expansion: choiceOf(z.int().min(1).max(16)),
  squeezeRatio: choiceOf(z.number().min(0).max(1)),
  activation: choiceOf(z.enum(ACTIVATIONS)),
  experts: choiceOf(z.int().min(1).max(64)),
  topK: choiceOf(z.int().min(1).max(8)),
  sharedExpert: choiceOf(z.boolean()),
}
export type MemberName = keyof typeof memberSchemas
export const MEMBERS = Object.keys(memberSchemas) as readonly MemberName[]

const identifier = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'must be letters, digits and dashes')

export const declarationSchema = z.strictObject({
  id: identifier,
  title: z.string().min(1).max(200),
  description: z.string().max(5000).default(''),
  input: z
    .strictObject({
      /** Share of the samples' height and width that the network works on. */
      resolution: choiceOf(z.number().min(0.1).max(1)),
    })
    .default({}),
  stages: z
    .array(z.strictObject({ name: identifier, when: conditionSchema.exactOptional(), ...memberSchemas }))
    .min(1)
    .max(MOST_STAGES),
})
export type Declaration = z.infer<typeof declarationSchema>
export type StageDeclaration = Declaration['stages'][number]

/** @throws UserError naming the file, the place in it, and what is wrong there. */
export function checkDeclaration(content: unknown, file: string): Declaration {
  const parsed = declarationSchema.safeParse(content)
  if (parsed.success) return parsed.data
  const { message, path } = deepestIssue(parsed.error.issues)
  throw new UserError(`the space file '${file}' is not a space: ${path === '' ? '' : `${path}: `}${message}`)
}

interface Issue {
  readonly path: PropertyKey[]
  readonly message: string
  readonly errors?: readonly (readonly Issue[])[]
}

/** Of a union's complaints the one that got furthest: it is about the form that was meant. */
function deepestIssue(
  issues: readonly unknown[],
  base: readonly PropertyKey[] = [],
): { message: string; path: string } {
  const issue = issues[0] as Issue
  const at = [...base, ...issue.path]
  const branches = (issue.errors ?? []).filter((branch) => branch.length > 0)
  if (branches.length === 0) return { message: issue.message, path: at.join('.') }
  const furthest = branches.reduce((best, branch) => (branch[0]!.path.length > best[0]!.path.length ? branch : best))
  return deepestIssue(furthest, at)
}
