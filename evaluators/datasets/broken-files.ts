import path from 'node:path'
import { messageOf, UserError } from '../../lib/errors.ts'
import { badFile } from './input-file.ts'

/** Of as many as fit a sentence that can still be read. */
const LISTED = 10

/** Files that could not be read: noted instead of thrown, so that all are told at once. */
export class BrokenFiles {
  readonly #wrong = new Map<string, UserError>()
  readonly #several: string
  readonly #formats: string

  /** @param several what they are called. @param formats what would be right: `PNG or JPEG`. */
  constructor(several: string, formats: string) {
    this.#several = several
    this.#formats = formats
  }

  has(file: string): boolean {
    return this.#wrong.has(file)
  }

  /** What `read` returns; undefined where it throws, which is noted for the file. */
  reading<T>(file: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      const wrong = messageOf(error)
      const sentence = /^(is|has|holds) /.test(wrong) ? wrong : `cannot be decoded (${wrong})`
      const right = `replace it with an intact ${this.#formats}, or remove it`
      this.#wrong.set(file, error instanceof UserError ? error : badFile(file, sentence, right))
      return undefined
    }
  }

  /** @throws UserError naming all of them, or as many as fit, when there are any. */
  refuse(root: string): void {
    const [first] = this.#wrong.values()
    if (first === undefined) return
    if (this.#wrong.size === 1) throw first
    const told = [...this.#wrong].slice(0, LISTED).map(([file, { message }]) => {
      const wrong = message.slice(`'${file}' `.length).replace(/: [^:]*$/, '')
      return `'${path.relative(root, file)}' ${wrong}`
    })
    const more = this.#wrong.size > LISTED ? `; and ${this.#wrong.size - LISTED} more` : ''
    const wrong = `holds ${this.#wrong.size} ${this.#several} that cannot be read (${told.join('; ')}${more})`
    throw badFile(root, wrong, `replace them with intact ${this.#formats} files, or remove them`)
  }
}
