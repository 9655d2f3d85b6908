import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'

/** What pareto_reference.py is asked. */
export interface Request {
  readonly file: string
  readonly kind: string
  readonly count: number
  readonly objectives: number
  readonly reference: readonly number[]
  readonly milliseconds: number
}

interface Found {
  readonly versions: Readonly<Record<string, string>>
  /** Whose code runs in pymoo, per kernel. */
  readonly behindPymoo: Readonly<Record<string, readonly Sample['backing'][]>>
}

export interface Sample {
  /** Name and version. */
  readonly library: string
  /** Whose code runs: moocore's own, compiled or plain Python. */
  readonly backing: 'moocore' | 'Cython' | 'Python'
  /** Processor milliseconds of a call. */
  readonly ms: number
  /** Null when it was stopped after `ms`. */
  readonly result: number | null
}

/** A Python that waits for requests and measures what its libraries take. */
export class PythonPeer {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly found: Found

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, found: Found) {
    this.#child = child
    this.#lines = lines
    this.found = found
  }

  /** Undefined, with a message, when this Python cannot compare anything. */
  static async start(python: string): Promise<PythonPeer | undefined> {
    const script = path.join(import.meta.dirname, 'pareto_reference.py')
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
    let problem = ''
    child.on('error', (error) => {
      problem = error.message
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const first = await lines.next()
    const found = first.done === true ? { versions: {}, behindPymoo: {} } : (JSON.parse(first.value) as Found)
    const { versions } = found
    if ('numpy' in versions && ('pymoo' in versions || 'moocore' in versions))
      return new PythonPeer(child, lines, found)
    child.kill()
    console.log(`no comparison with '${python}': ${problem || 'it lacks numpy, or both pymoo and moocore'}`)
    return undefined
  }

  async measure(request: Request): Promise<readonly Sample[]> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`)
    const line = await this.#lines.next()
    if (line.done === true) throw new Error(`Python ended at ${JSON.stringify(request)}`)
    return JSON.parse(line.value) as readonly Sample[]
  }

  end(): void {
    this.#child.stdin!.end()
  }
}
