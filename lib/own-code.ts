import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { messageOf, UserError } from './errors.ts'

/** What is called of a user's own file: `genes(task)` of `the space file './mine.ts'`. */
export interface OwnCall {
  readonly owner: string
  readonly what: string
}

/** Code of the user's own that would end the process, or that does not come back: nothing else can be asked of it. */
export class OwnCodeError extends UserError {}

/** Networks are decoded in well under a millisecond. */
export const OWN_CALL_SECONDS = 10
/** Loading may load large packages, a proposal may decode thousands of networks, an algorithm may fit a model. */
export const OWN_TURN_SECONDS = 60

const SLOT = Symbol.for('frugal.ownCode')
/** Node ends what runs too long only within a script. */
const script = new vm.Script(`globalThis[Symbol.for('frugal.ownCode')]()`)

/** Files that were loaded, by URL, with their names in messages. */
const owners = new Map<string, string>()
let calls = 0
let innermost: OwnCall | undefined

const fault = (call: OwnCall | undefined, trouble: string): OwnCodeError =>
  new OwnCodeError(`${call?.owner} is not right: ${call?.what} ${trouble}`)
const tooLong = (seconds: number): string => `has not come back after ${seconds} s: look for a loop without an end`

/** Whether anything of the user's own is loaded: its timers may keep the process alive for ever. */
export const hasOwnCode = (): boolean => owners.size > 0

/**
 * Calls code of the user's own. Meanwhile what it prints goes to standard error, since a program may be reading standard
 * output, and `process.exit` throws. Calls within a call cost next to nothing, others 0.1 to 0.3 ms.
 * @param seconds how long it may take; of calls within each other that of the outermost counts.
 * @throws OwnCodeError where the call would end the process or takes longer, and whatever the code throws.
 */
export function ownCall<T>(call: OwnCall, seconds: number, run: () => T): T {
  const around = innermost
  innermost = call
  calls++
  try {
    return calls === 1 ? bounded(seconds, run) : run()
  } finally {
    calls--
    innermost = around
  }
}

/** As `ownCall`, of work of ours that calls such code in places; as it is where none is loaded. */
export function watched<T>(what: string, run: () => T): T {
  const owner = [...owners.values()].at(-1)
  return owner === undefined ? run() : ownCall({ owner, what }, OWN_TURN_SECONDS, run)
}

function bounded<T>(seconds: number, run: () => T): T {
  Object.defineProperty(globalThis, SLOT, { value: run, configurable: true })
  const restore = divertOutput()
  try {
    return script.runInThisContext({ timeout: 1000 * seconds }) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    // What Node ends runs no `finally`: the innermost call is the one that did not come back.
    const late = innermost
    calls = 1
    throw fault(late, tooLong(seconds))
  } finally {
    restore()
    Reflect.deleteProperty(globalThis, SLOT)
  }
}

function divertOutput(): () => void {
  const { stdout, stderr } = process
  const write = stdout.write
  stdout.write = stderr.write.bind(stderr)
  return () => {
    stdout.write = write
  }
}

/**
 * Loads a module of the user's own.
 * @param owner its name in messages: `the space file './mine.ts'`
 * @throws OwnCodeError as `ownCall`, and UserError with what loading it throws.
 */
export async function loadOwnModule(
  file: string,
  owner: string,
  seconds = OWN_TURN_SECONDS,
): Promise<{ readonly default?: unknown }> {
  const url = pathToFileURL(file).href
  if (owners.size === 0) guardExit()
  owners.set(url, owner)
  const call = { owner, what: 'loading it' }
  try {
    if (isLoadedAtOnce(file, call, seconds)) return await import(url)
    return await loadSlowly(url, call, seconds)
  } catch (error) {
    if (error instanceof OwnCodeError) throw error
    throw new UserError(`${owner} does not load: ${messageOf(error).split('\n', 1)[0]}`, { cause: error })
  }
}

/** False where a module has `await` at its top level: such a one cannot be called, only waited for. */
function isLoadedAtOnce(file: string, call: OwnCall, seconds: number): boolean {
  try {
    ownCall(call, seconds, () => createRequire(file)(file) as unknown)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ERR_REQUIRE_ASYNC_MODULE') return false
    throw error
  }
}

async function loadSlowly(url: string, call: OwnCall, seconds: number): Promise<{ readonly default?: unknown }> {
  const restore = divertOutput()
  const late = new AbortController()
  const limit = delay(1000 * seconds, undefined, late).then(() => {
    throw fault(call, tooLong(seconds))
  })
  try {
    return await Promise.race([import(url), limit])
  } finally {
    limit.catch(() => undefined)
    late.abort()
    restore()
  }
}

/** A process ends when what is committed is safe and threads have ended, not when a file of the user's own says so. */
function guardExit(): void {
  const { exit } = process
  process.exit = (...codes) => {
    const callers = new Error().stack ?? ''
    const timer = [...owners].find(([url]) => callers.includes(url) || callers.includes(fileURLToPath(url)))
    const call = innermost ?? (timer && { owner: timer[1], what: 'it' })
    if (call === undefined) return exit(...codes)
    throw fault(call, `calls process.exit(${codes.join()}): let it return or throw an error`)
  }
}
