import type { OnnxAttribute } from './model.ts'
import type { OnnxFile, OnnxFileNode } from './read-onnx.ts'

/** Says that a file's nodes are not what was looked for; caught where the looking began. */
export class Mismatch extends Error {}

/** A value of the file by its name, a stored list, or one that is still to be found. */
export type Sought = { readonly name: string } | { readonly list: readonly number[] } | { found: string | undefined }

/** Nodes by the values that they read. */
export type Readers = ReadonlyMap<string, readonly OnnxFileNode[]>

export function readersIn({ nodes }: OnnxFile): Readers {
  const readers = new Map<string, OnnxFileNode[]>()
  for (const node of nodes) {
    for (const name of new Set(node.inputs)) {
      const known = readers.get(name)
      if (known === undefined) readers.set(name, [node])
      else known.push(node)
    }
  }
  return readers
}

/** A graph while its nodes are looked for. */
export class Lookup {
  readonly file: OnnxFile
  readonly found = new Set<OnnxFileNode>()
  readonly #readers: Readers

  constructor(file: OnnxFile, readers: Readers) {
    this.file = file
    this.#readers = readers
  }

  readersOf = (name: string): readonly OnnxFileNode[] => this.#readers.get(name) ?? []

  /** The first node of this kind on these operands, which is then taken. @throws Mismatch */
  take(
    opType: string,
    inputs: readonly Sought[],
    outputs: number,
    attributes: Readonly<Record<string, OnnxAttribute>>,
    candidates?: readonly OnnxFileNode[],
  ): OnnxFileNode {
    const lead = inputs.find((input): input is { readonly name: string } => 'name' in input)
    const node = (candidates ?? this.readersOf(lead?.name ?? '')).find(
      (candidate) =>
        !this.found.has(candidate) &&
        candidate.opType === opType &&
        candidate.domain === '' &&
        candidate.outputs.length === outputs &&
        candidate.inputs.length === inputs.length &&
        inputs.every((input, i) => this.#is(candidate.inputs[i]!, input)) &&
        hasAttributes(candidate, attributes),
    )
    if (node === undefined) throw new Mismatch()
    inputs.forEach((input, i) => {
      if ('found' in input) input.found = node.inputs[i]!
    })
    this.found.add(node)
    return node
  }

  #is(name: string, sought: Sought): boolean {
    if ('name' in sought) return name === sought.name
    if ('found' in sought) return sought.found === undefined || name === sought.found
    const stored = this.file.initializers.get(name)
    return (
      stored?.type === 'int64' &&
      stored.dims.length === 1 &&
      stored.values?.length === sought.list.length &&
      sought.list.every((value, i) => stored.values![i] === value)
    )
  }
}

function hasAttributes(node: OnnxFileNode, wanted: Readonly<Record<string, OnnxAttribute>>): boolean {
  const entries = Object.entries(wanted)
  return (
    node.integers.size === entries.length &&
    node.floats.size + node.texts.size + node.tensors.size + node.graphs.size === 0 &&
    entries.every(([name, value]) => {
      const list = typeof value === 'bigint' ? [value] : (value as readonly bigint[])
      const found = node.integers.get(name)
      return found?.length === list.length && list.every((item, i) => Number(item) === found[i])
    })
  )
}
