import { z } from 'zod'
import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'

const ACTIVATIONS = ['relu', 'relu6', 'hardSwish'] as const
/** `conv` and `maxPool` are single layers; the others are the blocks of the built-in spaces. */
const BLOCKS = ['depthwiseSeparable', 'invertedBottleneck', 'fused', 'conv', 'maxPool'] as const
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

const declarationSchema = z.strictObject({
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
  const issue = deepestIssue(parsed.error.issues)
  const place = placeOf(issue.path, content)
  throw new UserError(`the space file '${file}' is not a space: ${place === '' ? '' : `${place}: `}${plain(issue)}`)
}

/** `stage 'body', width` for `stages.1.width`. */
function placeOf(path: readonly PropertyKey[], content: unknown): string {
  const [first, index, ...rest] = path
  if (first !== 'stages' || typeof index !== 'number') return path.join('.')
  const { name } = ((content as { readonly stages: readonly unknown[] }).stages[index] ?? {}) as {
    readonly name?: unknown
  }
  const stage = typeof name === 'string' ? `stage '${name}'` : `stage ${index + 1}`
  return rest.length === 0 ? stage : `${stage}, ${rest.join('.')}`
}

const WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  array: 'a list',
  object: 'a set of members such as id, title and stages',
  string: 'a text',
  null: 'nothing',
  Infinity: 'infinity',
  NaN: '.nan',
}

/** The words of the schema library are about types; these are about the file. */
function plain({ code, keys, message, expected, path }: Issue): string {
  if (code === 'unrecognized_keys') {
    const known = path[0] === 'stages' ? ['name', 'when', ...MEMBERS] : Object.keys(declarationSchema.shape)
    return unknownName('member', keys![0]!, known)
  }
  if (code === 'invalid_type' && message.endsWith('received undefined')) return 'must be given'
  if (code === 'invalid_type') {
    const received = message.replace(/^.*received /, '')
    return `${WORDS[received] ?? `a ${received}`} stands where ${WORDS[expected!] ?? `a ${expected}`} belongs`
  }
  return message
}

interface Issue {
  readonly path: PropertyKey[]
  readonly message: string
  readonly code?: string
  readonly keys?: readonly string[]
  readonly expected?: string
  readonly errors?: readonly (readonly Issue[])[]
}

/** Of a union's complaints the one that got furthest: it is about the form that was meant. */
function deepestIssue(issues: readonly unknown[], base: readonly PropertyKey[] = []): Issue {
  const issue = issues[0] as Issue
  const at = [...base, ...issue.path]
  const branches = (issue.errors ?? []).filter((branch) => branch.length > 0)
  if (branches.length === 0) return { ...issue, path: at }
  const furthest = branches.reduce((best, branch) => (branch[0]!.path.length > best[0]!.path.length ? branch : best))
  return deepestIssue(furthest, at)
}
