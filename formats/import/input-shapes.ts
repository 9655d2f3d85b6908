import { UserError } from '../../lib/errors.ts'
import { shapeText } from '../../network/shapes.ts'

/** Shapes that somebody gives for inputs, by name; under the empty name that of a network's only input. */
export type InputShapes = ReadonlyMap<string, readonly number[]>

export const NO_SHAPES: InputShapes = new Map()

const MAX_LENGTH = 1 << 24
const EXAMPLE = 'for example 1x3x224x224, or image=1x3x224x224 where there are several inputs'

/**
 * Reads `1x3x224x224`, `1,3,224,224` and `NAME=1x3x224x224`.
 * @throws UserError when a shape has other things than whole lengths from 1, or comes twice for an input.
 */
export function parseInputShapes(texts: readonly string[]): InputShapes {
  const shapes = new Map<string, readonly number[]>()
  for (const text of texts) {
    const at = text.lastIndexOf('=')
    const name = text.slice(0, Math.max(at, 0)).trim()
    const lengths = text.slice(at + 1).split(/[x×,]/i)
    const dims = lengths.map((length) => (/^\s*\d+\s*$/.test(length) ? Number(length) : 0))
    if (dims.some((length) => length < 1 || length > MAX_LENGTH)) {
      throw new UserError(`--input-shape '${text}' is no list of whole lengths from 1: ${EXAMPLE}`)
    }
    if (shapes.has(name)) throw new UserError(`--input-shape gives two shapes for one input: ${EXAMPLE}`)
    shapes.set(name, dims)
  }
  return shapes
}

const openText = (dims: readonly (number | undefined)[]): string =>
  dims.map((length) => (length === undefined || length < 1 ? '?' : length)).join('×')

/**
 * The shape of an input: what the file says, with what is given for it. An open first axis is one sample.
 * @param dims undefined lengths are open; undefined as a whole where the file says nothing.
 * @throws UserError when a length stays open, or another one than the file's is given.
 */
export function fixedShape(
  name: string,
  dims: readonly (number | undefined)[] | undefined,
  shapes: InputShapes,
): readonly number[] {
  const given = shapes.get(name) ?? shapes.get('')
  if (given === undefined) {
    if (dims === undefined) {
      throw new UserError(
        `input '${name}' has no shape; export it with one, or give it: --input-shape ${name}=1x3x224x224`,
      )
    }
    const open = dims.findIndex((length, axis) => axis > 0 && isOpen(length))
    if (open === -1) return dims.map((length) => (isOpen(length) ? 1 : length))
    const example = dims.map((length, axis) => (isOpen(length) ? (axis === 0 ? 1 : 224) : length)).join('x')
    throw new UserError(
      `input '${name}' is ${openText(dims)} and leaves the length of axis ${open} open; export it with a fixed one, or give all lengths, such as --input-shape ${example}`,
    )
  }
  if (dims === undefined) return given
  // The batch may be left out.
  const whole = given.length === dims.length - 1 ? [1, ...given] : given
  const fits =
    whole.length === dims.length &&
    whole.every((length, axis) => axis === 0 || isOpen(dims[axis]) || dims[axis] === length)
  if (!fits) {
    throw new UserError(
      `input '${name}' is ${openText(dims)} in the file, which ${shapeText(given)} does not fit; only open lengths can be given`,
    )
  }
  return whole
}

const isOpen = (length: number | undefined): length is undefined => length === undefined || length < 1

/** @throws UserError when a shape is given for an input that is not there, or one without a name for several. */
export function checkNames(shapes: InputShapes, names: readonly string[]): void {
  const unknown = [...shapes.keys()].find((name) => (name === '' ? names.length > 1 : !names.includes(name)))
  if (unknown === undefined) return
  const known = names
    .slice(0, 8)
    .map((name) => `'${name}'`)
    .join(', ')
  throw new UserError(
    unknown === ''
      ? `--input-shape names no input, and the network has several: ${known}; write for example ${names[0]}=1x3x224x224`
      : `--input-shape names '${unknown}'; the inputs are ${known}`,
  )
}
