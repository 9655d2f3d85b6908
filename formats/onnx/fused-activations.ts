import { type Readers, readersIn } from './node-lookup.ts'
import type { OnnxFile, OnnxFileNode } from './read-onnx.ts'

/** A run of multiplications from a value on, by these factors, up to this result. */
interface Product {
  readonly nodes: readonly OnnxFileNode[]
  readonly output: string
}
type Factor = number | string

const close = (a: number, b: number): boolean => Math.abs(a - b) <= 5e-3 * Math.abs(b)
const MOST_FACTORS = 3

/**
 * Activations that exporters write out in arithmetic, as the one operator that converters for devices and ONNX Runtime make of
 * them again: HardSigmoid from x + 3 cut to 0 and 6, HardSwish with the product behind it, Gelu from Erf or its Tanh form.
 */
export function withFusedActivations<T extends OnnxFile>(file: T): T {
  const fusion = new Fusion(file)
  for (const node of file.nodes) fusion.add(node)
  return fusion.isEmpty ? file : { ...file, nodes: fusion.nodes() }
}

class Fusion {
  readonly #file: OnnxFile
  readonly #readers: Readers
  readonly #producers: ReadonlyMap<string, OnnxFileNode>
  readonly #outputs: ReadonlySet<string>
  readonly #removed = new Set<OnnxFileNode>()
  /** The operator in place of the last node of what it stands for. */
  readonly #replaced = new Map<OnnxFileNode, OnnxFileNode>()

  constructor(file: OnnxFile) {
    this.#file = file
    this.#readers = readersIn(file)
    this.#producers = new Map(file.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
    this.#outputs = new Set(file.outputs.map(({ name }) => name))
  }

  get isEmpty(): boolean {
    return this.#replaced.size === 0
  }

  nodes = (): readonly OnnxFileNode[] =>
    this.#file.nodes.flatMap((node) => this.#replaced.get(node) ?? (this.#removed.has(node) ? [] : node))

  add(node: OnnxFileNode): void {
    if (node.domain !== '') return
    if (node.opType === 'Clip') this.#addClip(node)
    else if (node.opType === 'HardSigmoid') this.#addHardSigmoid(node)
    else if (node.opType === 'Erf') this.#addErf(node)
    else if (node.opType === 'Tanh') this.#addTanh(node)
  }

  /** x + 3 cut to 0 and 6, times 1/6, and times x. */
  #addClip(node: OnnxFileNode): void {
    const [low, high] = [this.#bound(node, 'min', 1), this.#bound(node, 'max', 2)]
    const sum = this.#producers.get(node.inputs[0] ?? '')
    const x = sum?.opType === 'Add' ? this.#besideScalar(sum, 3) : undefined
    if (low !== 0 || high !== 6 || sum === undefined || x === undefined) return
    const inside = [sum, node]
    const swish = this.#product(node.outputs[0]!, [x, 1 / 6])
    const product = swish ?? this.#product(node.outputs[0]!, [1 / 6])
    if (product !== undefined) this.#replace(swish ? 'HardSwish' : 'HardSigmoid', x, inside, product)
  }

  #addHardSigmoid(node: OnnxFileNode): void {
    const x = node.inputs[0] ?? ''
    if (!close(node.floats.get('alpha')?.[0] ?? 0.2, 1 / 6)) return
    const product = this.#product(node.outputs[0]!, [x])
    if (product !== undefined) this.#replace('HardSwish', x, [node], product)
  }

  /** (erf(x / √2) + 1) · x / 2 */
  #addErf(node: OnnxFileNode): void {
    const scale = this.#producers.get(node.inputs[0] ?? '')
    const x = scale && (this.#besideScalar(scale, Math.SQRT1_2) ?? this.#besideScalar(scale, Math.SQRT2))
    if (scale !== undefined && x !== undefined) this.#addGelu(node, x, [scale, node])
  }

  /** (tanh(√(2/π) · (x + 0.044715 · x³)) + 1) · x / 2 */
  #addTanh(node: OnnxFileNode): void {
    const scale = this.#producers.get(node.inputs[0] ?? '')
    const inner = scale?.opType === 'Mul' ? this.#besideScalar(scale, Math.sqrt(2 / Math.PI)) : undefined
    const sum = this.#producers.get(inner ?? '')
    if (scale === undefined || sum?.opType !== 'Add') return
    for (const [x, cubic] of [sum.inputs, sum.inputs.toReversed()] as [string, string][]) {
      const factor = this.#producers.get(cubic)
      const cube = factor && this.#besideScalar(factor, 0.044715)
      const power = this.#producers.get(cube ?? '')
      if (factor === undefined || power === undefined) continue
      const cubed = power.opType === 'Pow' ? [power] : this.#cube(power, x)
      if (cubed !== undefined && cubed[0]!.inputs.includes(x)) {
        this.#addGelu(node, x, [...cubed, factor, sum, scale, node])
        return
      }
    }
  }

  /** x · x · x as two multiplications. */
  #cube(outer: OnnxFileNode, x: string): readonly OnnxFileNode[] | undefined {
    const square = outer.inputs.map((name) => this.#producers.get(name)).find((node) => node?.opType === 'Mul')
    const isSquare = square?.inputs.every((name) => name === x) === true
    return outer.opType === 'Mul' && isSquare && outer.inputs.includes(x) ? [square, outer] : undefined
  }

  #addGelu(last: OnnxFileNode, x: string, inside: readonly OnnxFileNode[]): void {
    const [plus, ...more] = this.#readers.get(last.outputs[0]!) ?? []
    if (plus?.opType !== 'Add' || more.length > 0 || this.#besideScalar(plus, 1) !== last.outputs[0]) return
    const product = this.#product(plus.outputs[0]!, [x, 0.5])
    if (product !== undefined) this.#replace('Gelu', x, [...inside, plus], product)
  }

  #scalar(name: string | undefined): number | undefined {
    const numberAt = (of: string | undefined): number | undefined => {
      const values = this.#file.initializers.get(of ?? '')?.values
      return values?.length === 1 ? values[0] : undefined
    }
    const before = this.#producers.get(name ?? '')
    if (before?.opType !== 'DequantizeLinear') return numberAt(name)
    const [level, scale, zero] = before.inputs.map(numberAt)
    return level === undefined || scale === undefined ? undefined : scale * (level - (zero ?? 0))
  }

  #bound = ({ inputs, floats }: OnnxFileNode, attribute: string, operand: number): number | undefined =>
    this.#scalar(inputs[operand]) ?? floats.get(attribute)?.[0]

  /** The other operand of a node that works with this number. */
  #besideScalar({ inputs }: OnnxFileNode, value: number): string | undefined {
    if (inputs.length !== 2) return undefined
    return inputs.find((_, i) => {
      const other = this.#scalar(inputs[1 - i])
      return other !== undefined && close(other, value)
    })
  }

  /** Multiplications by exactly these factors, in any order, each read by the next alone. */
  #product(start: string, wanted: readonly Factor[]): Product | undefined {
    const nodes: OnnxFileNode[] = []
    let left = [...wanted]
    let value = start
    for (let i = 0; i < MOST_FACTORS; i++) {
      const [next, ...others] = this.#outputs.has(value) ? [] : (this.#readers.get(value) ?? [])
      if (next === undefined || others.length > 0) return undefined
      const factors = this.#factors(next, value, left)
      if (factors === undefined) return undefined
      nodes.push(...factors.nodes, next)
      left = factors.left
      value = next.outputs[0]!
      if (left.length === 0) return { nodes, output: value }
    }
    return undefined
  }

  /** What a multiplication or division leaves of the factors; undefined where it has another one. */
  #factors({ opType, inputs }: OnnxFileNode, value: string, wanted: readonly Factor[]) {
    const other = inputs.length === 2 ? inputs.find((name) => name !== value) : undefined
    if (other === undefined || (opType !== 'Mul' && (opType !== 'Div' || inputs[0] !== value))) return undefined
    const scalar = this.#scalar(other)
    const found: Factor[] = [scalar === undefined ? other : opType === 'Div' ? 1 / scalar : scalar]
    if (opType === 'Div' && scalar === undefined) return undefined
    const nodes: OnnxFileNode[] = []
    // x / 2 may have been multiplied before.
    const before = this.#producers.get(other)
    const half = before?.opType === 'Mul' && !wanted.includes(other) ? before : undefined
    if (half !== undefined && (this.#readers.get(other) ?? []).length === 1) {
      const x = wanted.find((factor): factor is string => typeof factor === 'string' && half.inputs.includes(factor))
      const rest = this.#scalar(half.inputs.find((name) => name !== x))
      if (x === undefined || rest === undefined) return undefined
      found.splice(0, 1, x, rest)
      nodes.push(half)
    }
    const left = [...wanted]
    for (const factor of found) {
      const at = left.findIndex((want) =>
        typeof want === 'number' && typeof factor === 'number' ? close(factor, want) : want === factor,
      )
      if (at === -1) return undefined
      left.splice(at, 1)
    }
    return { left, nodes }
  }

  /** One operator for nodes of which nothing else reads anything but the last result. */
  #replace(opType: string, x: string, inside: readonly OnnxFileNode[], { nodes, output }: Product): void {
    const all = new Set([...inside, ...nodes])
    const last = this.#producers.get(output)!
    for (const node of all) {
      if (this.#removed.has(node)) return
      if (node === last) continue
      const isRead = (name: string): boolean =>
        this.#outputs.has(name) || (this.#readers.get(name) ?? []).some((reader) => !all.has(reader))
      if (node.outputs.some(isRead)) return
    }
    for (const node of all) this.#removed.add(node)
    const none = new Map<string, never>()
    this.#replaced.set(last, { ...last, opType, inputs: [x], integers: none, floats: none })
  }
}
