import { encodeModel, type OnnxModel } from '../../../formats/onnx/model.ts'
import { mergedPrefix, mergeModels } from './merge-models.ts'
import { Session, type SessionOptions, type Tensors } from './session.ts'

/** Runs the steps of one program; a step's results are in `outputs` when the promise resolves. */
export interface StepRunner {
  run(inputs: Tensors, outputs: Tensors): Promise<void>
  release(): Promise<void>
}

/** One program's part in a group. */
interface Member {
  readonly model: OnnxModel
  /** Of the last step: running it once more would write the same numbers to the same places. */
  inputs: Tensors
  outputs: Tensors
  alone: Session | undefined
}

interface Call {
  readonly member: Member
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Several steps as one graph. */
interface Merged {
  readonly members: readonly Member[]
  readonly session: Session
}

/**
 * Networks that are trained at the same time on one thread, whose steps run as one: a step waits until every network of
 * the group has one to make, then all are one call of the runtime. The merged graph is compiled for the programs that
 * step together, and anew when a program joins, or when half of them have left; until then those that left are computed
 * along for nothing. Each network gets the bits that it would get alone.
 */
export class StepGroup {
  readonly #options: SessionOptions
  #networks: number
  #waiting: Call[] = []
  #merged: Merged | undefined
  /** A merged graph may need more memory than there is; each network then goes on by itself. */
  #mergeable = true

  constructor(networks: number, options: SessionOptions) {
    this.#networks = networks
    this.#options = options
  }

  runner(model: OnnxModel): StepRunner {
    const member: Member = { model, inputs: {}, outputs: {}, alone: undefined }
    return {
      run: (inputs, outputs) => {
        Object.assign(member, { inputs, outputs })
        return new Promise((resolve, reject) => {
          this.#waiting.push({ member, resolve, reject })
          this.#runWhenComplete()
        })
      },
      release: async () => {
        const session = member.alone
        member.alone = undefined
        await session?.release()
      },
    }
  }

  /** A network of the group makes no more steps. To be called once for each. */
  async leave(): Promise<void> {
    this.#networks--
    this.#runWhenComplete()
    if (this.#networks === 0) await this.#forgetMerged()
  }

  #runWhenComplete(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#networks) return
    const calls = this.#waiting
    this.#waiting = []
    void this.#run(calls)
  }

  async #run(calls: readonly Call[]): Promise<void> {
    if (calls.length > 1 && this.#mergeable) {
      try {
        await runMerged(await this.#mergedFor(calls.map(({ member }) => member)))
        for (const { resolve } of calls) resolve()
        return
      } catch {
        // What a step reads is untouched, so each can make it by itself, and a failure is that of its own network.
        this.#mergeable = false
        await this.#forgetMerged()
      }
    }
    for (const { member, resolve, reject } of calls) await this.#runAlone(member).then(resolve, reject)
  }

  async #runAlone(member: Member): Promise<void> {
    member.alone ??= await Session.create(encodeModel(member.model), 'none', this.#options)
    await member.alone.run(member.inputs, member.outputs)
  }

  async #mergedFor(members: readonly Member[]): Promise<Merged> {
    const known = this.#merged
    const holdsAll = known !== undefined && members.every((member) => known.members.includes(member))
    if (holdsAll && 2 * members.length > known.members.length) return known
    await this.#forgetMerged()
    const model = mergeModels(
      members.map((member) => member.model),
      'training-steps',
    )
    this.#merged = { members, session: await Session.create(encodeModel(model), 'none', this.#options) }
    return this.#merged
  }

  async #forgetMerged(): Promise<void> {
    const stale = this.#merged
    this.#merged = undefined
    await stale?.session.release()
  }
}

async function runMerged({ members, session }: Merged): Promise<void> {
  const inputs: Record<string, Tensors[string]> = {}
  const outputs: Record<string, Tensors[string]> = {}
  for (const [place, member] of members.entries()) {
    const prefix = mergedPrefix(place)
    for (const [name, tensor] of Object.entries(member.inputs)) inputs[`${prefix}${name}`] = tensor
    for (const [name, tensor] of Object.entries(member.outputs)) outputs[`${prefix}${name}`] = tensor
  }
  await session.run(inputs, outputs)
}
