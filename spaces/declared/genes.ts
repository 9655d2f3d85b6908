import { UserError } from '../../lib/errors.ts'
import { unknownName } from '../../lib/nearest-name.ts'
import type { GeneDescription } from '../genome.ts'
import { type Declaration, type DeclaredBlock, MEMBERS, type MemberName, type StageDeclaration } from './schema.ts'

type Choice = string | number | boolean
type Condition = NonNullable<GeneDescription['activeWhen']>

/** A member of a stage as the decoder reads it: a gene to look up, or the one value it always has. */
export type Member = { readonly gene: string } | { readonly value: Choice }

export interface DeclaredStage {
  readonly name: string
  readonly members: Readonly<Record<MemberName, Member>>
  /** The stage is left out while this does not hold. */
  readonly when: Condition | undefined
}

export interface DeclaredGenes {
  readonly genes: readonly GeneDescription[]
  readonly resolution: Member
  readonly stages: readonly DeclaredStage[]
}

/** What a member that is left out stands for; `block` and `width` have no such value. */
const USUAL: Readonly<Partial<Record<MemberName, Choice>>> = {
  depth: 1,
  kernel: 3,
  stride: 1,
  expansion: 1,
  squeezeRatio: 0,
  activation: 'relu',
  experts: 1,
  topK: 1,
  sharedExpert: false,
}

const EVERYWHERE: readonly MemberName[] = ['depth', 'block', 'kernel', 'stride']
const MIXABLE: readonly MemberName[] = ['width', 'activation', 'squeezeRatio', 'experts', 'topK', 'sharedExpert']
/** Members that each kind of block reads. */
const READ_BY: Readonly<Record<DeclaredBlock, readonly MemberName[]>> = {
  depthwiseSeparable: [...EVERYWHERE, ...MIXABLE],
  invertedBottleneck: [...EVERYWHERE, ...MIXABLE, 'expansion'],
  fused: [...EVERYWHERE, ...MIXABLE, 'expansion'],
  conv: [...EVERYWHERE, 'width', 'activation'],
  maxPool: EVERYWHERE,
}

/**
 * The genes of a declared space. Each list is a gene `<stage>.<member>`; a gene matters while its stage is there and its
 * block reads it.
 * @throws UserError for doubled names, unknown genes in conditions, and members that nothing reads.
 */
export function declaredGenes(declaration: Declaration, file: string): DeclaredGenes {
  const collector = new GeneCollector(file)
  const resolution = collector.member('input', 'resolution', declaration.input.resolution ?? 1, undefined)
  const stages = declaration.stages.map((stage) => collector.stage(stage))
  return { genes: collector.genes, resolution, stages }
}

class GeneCollector {
  readonly genes: GeneDescription[] = []
  readonly #file: string
  readonly #stages = new Set<string>(['input'])

  constructor(file: string) {
    this.#file = file
  }

  stage(stage: StageDeclaration): DeclaredStage {
    const { name } = stage
    if (this.#stages.has(name)) this.#fail(`two stages are called '${name}': give each its own name`)
    this.#stages.add(name)
    if (stage.block === undefined)
      this.#fail(`stage '${name}' has no block: write for example block: invertedBottleneck`)
    const when = stage.when && this.#condition(stage.when, `stage '${name}'`)
    const members = {} as Record<MemberName, Member>
    const kinds = choicesOf(stage.block) as readonly DeclaredBlock[]
    members.depth = this.member(name, 'depth', stage.depth ?? USUAL.depth!, when)
    const present = this.#positive(members.depth) ?? when
    members.block = this.member(name, 'block', stage.block, present)
    for (const member of MEMBERS) {
      if (member === 'depth' || member === 'block') continue
      const declared = stage[member]
      const readers = kinds.filter((kind) => READ_BY[kind].includes(member))
      if (declared === undefined) {
        if (member === 'width' && readers.length > 0)
          this.#fail(`stage '${name}' has no width: write for example width: [16, 32]`)
        members[member] = { value: USUAL[member] ?? 0 }
        continue
      }
      if (readers.length === 0) {
        this.#fail(`stage '${name}': ${member} is not read by block ${kinds.join(', ')}: leave it out`)
      }
      const mixed = member === 'topK' || member === 'sharedExpert' ? this.#mixed(name, members.experts) : undefined
      const base = mixed ?? this.#whileBlockIs(members.block, readers) ?? present
      members[member] = this.member(name, member, declared, base)
    }
    this.#checkExperts(stage, kinds)
    return { name, members, when }
  }

  /** Makes a gene of a list; a single value, or a list of one, needs none. */
  member(stage: string, member: string, declared: Declared, base: Condition | undefined): Member {
    const choices = choicesOf(declared)
    const own = typeof declared === 'object' && 'when' in declared ? declared.when : undefined
    const name = `${stage}.${member}`
    if (choices.length === 1) {
      if (own !== undefined) this.#fail(`${name} has one choice only: a condition on it does nothing`)
      return { value: choices[0]! }
    }
    const numbers = choices.every((choice) => typeof choice === 'number')
    if (numbers && choices.some((choice, i) => i > 0 && !(choice > choices[i - 1]!))) {
      this.#fail(`${name}: write the choices ${choices.join(', ')} in ascending order, each once`)
    }
    if (new Set(choices).size < choices.length) this.#fail(`${name} names a choice twice: name each once`)
    const activeWhen = own === undefined ? base : this.#condition(own, name)
    const kind = numbers ? 'ordinal' : 'categorical'
    this.genes.push(activeWhen === undefined ? { name, kind, choices } : { name, kind, choices, activeWhen })
    return { gene: name }
  }

  #condition(when: Readonly<Record<string, readonly Choice[]>>, where: string): Condition {
    const entries = Object.entries(when)
    if (entries.length !== 1) this.#fail(`${where}: when must name one gene, not ${entries.length}`)
    const [gene, values] = entries[0]!
    const found = this.#gene(gene)
    if (found === undefined) {
      const known = this.genes.map(({ name }) => name)
      this.#fail(`${where}: when must name a gene of an earlier line: ${unknownName('gene', gene, known)}`)
    }
    const choices = values.map((value) => {
      const index = found.choices.indexOf(value)
      if (index < 0) this.#fail(`${where}: '${gene}' is never ${value}; its choices are ${found.choices.join(', ')}`)
      return index
    })
    return { gene, choices }
  }

  #gene = (name: string): GeneDescription | undefined => this.genes.find((gene) => gene.name === name)

  /** While a depth is not 0; undefined where it never is. */
  #positive(depth: Member): Condition | undefined {
    if (!('gene' in depth)) return undefined
    const { choices } = this.#gene(depth.gene)!
    return choices[0] === 0 ? { gene: depth.gene, choices: choices.slice(1).map((_, i) => i + 1) } : undefined
  }

  #whileBlockIs(block: Member, readers: readonly DeclaredBlock[]): Condition | undefined {
    if (!('gene' in block)) return undefined
    const { choices } = this.#gene(block.gene)!
    if (readers.length === choices.length) return undefined
    return { gene: block.gene, choices: readers.map((kind) => choices.indexOf(kind)) }
  }

  /** While there is more than one expert. */
  #mixed(stage: string, experts: Member): Condition | undefined {
    if (!('gene' in experts)) {
      if (experts.value === 1)
        this.#fail(`stage '${stage}' has topK or sharedExpert and one expert: give it experts: [1, 4]`)
      return undefined
    }
    const { choices } = this.#gene(experts.gene)!
    if (choices[0] !== 1) return undefined
    return { gene: experts.gene, choices: choices.slice(1).map((_, i) => i + 1) }
  }

  #checkExperts(stage: StageDeclaration, kinds: readonly DeclaredBlock[]): void {
    if (stage.experts === undefined) return
    const plain = kinds.filter((kind) => !READ_BY[kind].includes('experts'))
    if (plain.length > 0) this.#fail(`stage '${stage.name}' has experts: its block cannot be ${plain.join(' or ')}`)
    const fewest = Math.min(...(choicesOf(stage.experts) as number[]).filter((count) => count > 1))
    const most = Math.max(...(choicesOf(stage.topK ?? 1) as number[]))
    if (most > fewest)
      this.#fail(`stage '${stage.name}' may route to ${most} of ${fewest} experts: topK must not exceed experts`)
  }

  #fail(what: string): never {
    throw new UserError(`the space file '${this.#file}' is not a space: ${what}`)
  }
}

type Declared =
  | Choice
  | readonly Choice[]
  | { readonly choices: readonly Choice[]; readonly when?: Readonly<Record<string, readonly Choice[]>> }

function choicesOf(declared: Declared): readonly Choice[] {
  if (typeof declared !== 'object') return [declared]
  return 'choices' in declared ? declared.choices : declared
}
